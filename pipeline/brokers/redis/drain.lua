-- Throws away messages that nobody has taken, each together with its unit of work: see units.lua.
-- Stands behind position.lua, too.
--
-- KEYS  1 the queue's stream, or its delayed messages, 2 its token, 3.. every key that is read or
--       written
-- ARGV  1 the group; '' for delayed messages, 2 the token that they were found under ('' none), 3 a
--       time offset in ms (tests), 4 is 0, 5.. for each message: its id, or if it is delayed what lies in
--       the sorted set, then a unit of work
-- Reply: as of settle.lua, a 1 first; 0 that it does not wait there any more.

if (redis.call('GET', KEYS[2]) or '') ~= ARGV[2] then return {'FENCED'} end
local is_stream = ARGV[1] ~= ''
local last = is_stream and position(KEYS[1], ARGV[1]) or '0-0'

local function is_there(id)
    if not is_stream then return redis.call('ZSCORE', KEYS[1], id) end
    return is_after(id, last) and #redis.call('XRANGE', KEYS[1], id, id) == 1
end

local replies, at = {'1'}, 5
while ARGV[at] do
    local id = ARGV[at]
    local ends, verdict, writes = examine(at + 1)
    if not is_there(id) then
        verdict = '0'
    elseif not verdict then
        -- What it takes away comes first, which the server allows at its memory limit.
        redis.call(is_stream and 'XDEL' or 'ZREM', KEYS[1], id)
        local failed = write(writes, tonumber(ARGV[3]))
        verdict = failed and 'T:' .. failed or '1'
    end
    replies[#replies + 1] = verdict
    at = ends
end
return replies
