-- Gives up a lease, if it is still ours.
--
-- KEYS  1 the lease
-- ARGV  1 the lease as we have it
-- Reply: 1 given up, 0 it was not ours any more.

if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
redis.call('DEL', KEYS[1])
redis.call('SET', KEYS[1], string.match(ARGV[1], '^(%d+):') .. '::')
return 1
