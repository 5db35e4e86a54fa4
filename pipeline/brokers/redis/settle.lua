-- Settles a batch of deliveries of one queue: each takes effect whole, once, or not at all.
--
-- KEYS  1 the queue's stream, 2 its token, 3.. every key that is read or written
-- ARGV  1 the group, 2 the token the deliveries were read under, 3 a time offset in ms (tests),
--       4.. for each delivery: its entry id, then a unit of work (see units.lua)
-- Reply, a string for each delivery: 1 won, 0 not ours any more (or our own earlier try),
--       C what it read has changed, E:why refused with nothing done, T:why torn;
--       or the one string FENCED.
--
-- The first write is an XACK, which the server allows at its memory limit: a consumer can always
-- drain. No write may fail after the XACK, since a script does not roll back; one that does all
-- the same leaves the entry pending for a janitor instead of losing it.

if redis.call('GET', KEYS[2]) ~= ARGV[2] then return {'FENCED'} end
local offset = tonumber(ARGV[3])
local replies, at = {}, 4
while ARGV[at] do
    local id = ARGV[at]
    local ends, verdict, writes = examine(at + 1)
    if verdict then
        -- Who is not its owner any more has nothing to compare.
        if #redis.call('XPENDING', KEYS[1], ARGV[1], id, id, 1) == 0 then verdict = '0' end
    else
        verdict = '0'
        if redis.call('XACK', KEYS[1], ARGV[1], id) == 1 then
            local failed = write(writes, offset)
            if failed then
                -- In a group of its own, where no late settler of this delivery finds it.
                redis.pcall('XGROUP', 'CREATE', KEYS[1], '_torn', '$')
                redis.pcall('XCLAIM', KEYS[1], '_torn', '_torn', 0, id, 'FORCE', 'JUSTID')
                verdict = 'T:' .. failed
            else
                redis.pcall('XDEL', KEYS[1], id)
                verdict = '1'
            end
        end
    end
    replies[#replies + 1] = verdict
    at = ends
end
return replies
