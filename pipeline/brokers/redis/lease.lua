-- Takes the lease of a queue that is read in order, if nobody has it.
--
-- The lease is a text, epoch:owner:nonce, with an empty owner when it was given up. It is the token
-- of all that is taken under it: who reads or settles compares the whole of it.
--
-- KEYS  1 the lease, 2 the beats
-- ARGV  1 who asks, 2 its nonce, the same when it asks again, 3 an owner that is dead ('' none),
--       4 that owner's beat as last seen ('' none)
-- Reply: HELD and the owner; or OK, the lease, whose it was before ('' it was given up or is new).
--
-- DEL comes first: the server allows it at its memory limit, and then allows the rest.

local held = redis.call('GET', KEYS[1]) or '0::'
local epoch, owner, nonce = string.match(held, '^(%d+):(.*):(%w*)$')
if owner == ARGV[1] and nonce == ARGV[2] then return {'OK', held, ''} end
if owner and owner ~= '' then
    if owner ~= ARGV[3] then return {'HELD', owner} end
    if (redis.call('ZSCORE', KEYS[2], owner) or '') ~= ARGV[4] then return {'HELD', owner} end
end
local lease = string.format('%d:%s:%s', (epoch or 0) + 1, ARGV[1], ARGV[2])
redis.call('DEL', KEYS[1])
redis.call('SET', KEYS[1], lease)
return {'OK', lease, owner or ''}
