-- Makes a queue ready to be read, and tells its token.
--
-- The token is made together with the group: whoever holds deliveries of an earlier life of the
-- queue (before a FLUSHALL, or a fail-over that lost it) can settle nothing with the old one.
--
-- KEYS  1 the queue's stream, 2 its token, 3 the names of all queues (none for an instance's queue)
-- ARGV  1 the group, 2 a fresh random token, 3 the queue's name, 4 who will read it (may be absent)
-- Reply: the token.

-- Only for who looks: a server at its memory limit refuses it, and that is no harm.
if KEYS[3] then redis.pcall('SADD', KEYS[3], ARGV[3]) end
local there = false
if redis.call('EXISTS', KEYS[1]) == 1 then
    for _, group in ipairs(redis.call('XINFO', 'GROUPS', KEYS[1])) do
        for i = 1, #group, 2 do
            if group[i] == 'name' and group[i + 1] == ARGV[1] then there = true end
        end
    end
end
if not there then redis.call('XGROUP', 'CREATE', KEYS[1], ARGV[1], '0', 'MKSTREAM') end
-- For who looks, too: Redis before 7.2 knows of a reader only once it has read something.
if ARGV[4] then redis.pcall('XGROUP', 'CREATECONSUMER', KEYS[1], ARGV[1], ARGV[4]) end
local token = redis.call('GET', KEYS[2])
if there and token then return token end
redis.call('SET', KEYS[2], ARGV[2])
return ARGV[2]
