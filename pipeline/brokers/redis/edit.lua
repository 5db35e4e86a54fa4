-- Gives a dead letter another payload. An entry can't be changed: another takes its place, at the
-- end, which knows when the letter died.
--
-- KEYS  1 the dead letters, 2 the receipt
-- ARGV  1 how long the receipt is kept in ms, 2 a time offset in ms (tests), 3 the letter's id,
--       4 the payload that it must still have, 5 the new one
-- Reply: the letter's new id; '' when it is not there, or has another payload by now.

local wrong = refuse_other_types({1})
if wrong then return wrong end
local letter, parts = read(ARGV[3])
if not letter or (letter.payload or '') ~= ARGV[4] then return '' end
local kept = {}
for i = 1, #parts, 2 do
    if parts[i] ~= 'payload' and parts[i] ~= 'history' and parts[i] ~= 'died_at' then
        kept[#kept + 1] = parts[i]
        kept[#kept + 1] = parts[i + 1]
    end
end
local died = letter.died_at or string.match(ARGV[3], '^%d+')
local history = noted(letter.history, note('edited', milliseconds(ARGV[2]), letter))
begin()
local id = redis.call('XADD', KEYS[1], '*', 'payload', ARGV[5], 'history', history, 'died_at', died, unpack(kept))
redis.call('XDEL', KEYS[1], ARGV[3])
return signed(id, true, ARGV[1])
