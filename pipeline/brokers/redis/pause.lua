-- Pauses a queue, unless it is paused already.
--
-- HDEL comes first: a bare HSETNX is refused at the memory limit, and there a pause is wanted most.
--
-- KEYS  1 the pauses
-- ARGV  1 the queue, 2 a time offset in ms (tests), 3 who pauses it and 4 why, each as JSON
-- Reply: 1, or 0 when it was paused already.

local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000) + ARGV[2]
redis.call('HDEL', KEYS[1], '')
return redis.call('HSETNX', KEYS[1], ARGV[1], string.format('[%.0f, %s, %s]', now, ARGV[3], ARGV[4]))
