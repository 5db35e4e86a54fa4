-- Reads messages that wait to be taken, until there are enough of them or of their bytes.
--
-- Stands behind position.lua.
--
-- KEYS  1 the queue's stream, 2 its token
-- ARGV  1 the group, 2 the id to begin with, '(' before it leaves that one out, '-' the first; 3 how
--       many at the most, 4 how many bytes are enough
-- Reply: the token ('' none), then the entries.

local reply = {redis.call('GET', KEYS[2]) or ''}
local start, bytes = ARGV[2], 0
local last = position(KEYS[1], ARGV[1])
if last and not is_after(string.gsub(start, '^%(', ''), last) then start = '(' .. last end
while #reply <= tonumber(ARGV[3]) and bytes < tonumber(ARGV[4]) do
    local entry = redis.call('XRANGE', KEYS[1], start, '+', 'COUNT', 1)[1]
    if not entry then break end
    reply[#reply + 1] = entry
    for i = 2, #entry[2], 2 do bytes = bytes + #entry[2][i] end
    start = '(' .. entry[1]
end
return reply
