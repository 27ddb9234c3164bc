/** BEP 14: an announce should not be fragmented on its way. */
export const lsdDatagramBytesMax = 1400;
/** What a cookie of ours may have; another's may be anything that fits. */
export const lsdCookieLengthMax = 16;
