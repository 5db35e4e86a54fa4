-- One heartbeat of a worker: the server's time, which moves on at each. Others compare it with what
-- they saw before, and never with a clock.
--
-- ZREM comes first: a bare ZADD is refused at the memory limit, and every worker would look dead.
-- Whoever was not known, as after a loss of all data, is introduced anew.
--
-- KEYS  1 the beats of the partition, 2 the cards of who beats there
-- ARGV  1 the worker, 2 its card
-- Reply: the beat.

local t = redis.call('TIME')
local now = string.format('%.0f', t[1] * 1000 + math.floor(t[2] / 1000))
if redis.call('ZREM', KEYS[1], ARGV[1]) == 0 then
    redis.pcall('HSET', KEYS[2], ARGV[1], now .. ' ' .. ARGV[2])
end
redis.call('ZADD', KEYS[1], now, ARGV[1])
return now
