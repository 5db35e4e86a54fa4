-- Remembers over how many partitions a queue that is read in order is spread.
--
-- KEYS  1 where it is remembered
-- ARGV  1 how many, 2 how many it must be now ('' nothing is remembered)
-- Reply: how many are remembered from now on.

local known = redis.call('GET', KEYS[1])
if (known or '') == ARGV[2] then
    redis.call('DEL', KEYS[1])
    redis.call('SET', KEYS[1], ARGV[1])
    return ARGV[1]
end
return known or ''
