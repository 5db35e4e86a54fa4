-- Gives up a lease, if it is still ours.
--
-- KEYS  1 the lease
-- ARGV  1 who we are, 2 our nonce; the lease itself may be in an answer that was lost
-- Reply: 1 given up, 0 it was not ours, or not any more.

local epoch, owner, nonce = string.match(redis.call('GET', KEYS[1]) or '', '^(%d+):(.*):(%w*)$')
if owner ~= ARGV[1] or nonce ~= ARGV[2] then return 0 end
redis.call('DEL', KEYS[1])
redis.call('SET', KEYS[1], epoch .. '::')
return 1
