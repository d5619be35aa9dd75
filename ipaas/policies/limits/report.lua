-- Results of a process: counts them and moves breakers. The hash is described in admit.lua.
local ARGS = 16
local PARTS = 10
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
local answers = {}

for i = 1, #KEYS do
  local a = (i - 1) * ARGS
  local key = KEYS[i]
  local ok, failed = tonumber(ARGV[a + 1]), tonumber(ARGV[a + 2])
  local probes_ok, probes_failed, probes_void = tonumber(ARGV[a + 3]), tonumber(ARGV[a + 4]), tonumber(ARGV[a + 5])
  local pause, held, process, slot_ttl = tonumber(ARGV[a + 6]), tonumber(ARGV[a + 7]), ARGV[a + 8], tonumber(ARGV[a + 9])
  local breaker, window, min_calls, ratio = ARGV[a + 10] == '1', tonumber(ARGV[a + 11]), tonumber(ARGV[a + 12]), tonumber(ARGV[a + 13])
  local open, probes, ramp = tonumber(ARGV[a + 14]), tonumber(ARGV[a + 15]), tonumber(ARGV[a + 16])
  local step = math.max(1, math.floor(window / PARTS))
  local part = math.floor(now / step)

  local h, raw = {}, redis.call('HGETALL', key)
  for j = 1, #raw, 2 do h[raw[j]] = raw[j + 1] end
  local set, del = {}, {}
  local function put(field, value) h[field] = value; set[#set + 1] = field; set[#set + 1] = value end
  local function clear_window()
    for field, _ in pairs(h) do
      if string.find(field, '^[of]%d+$') then del[#del + 1] = field end
    end
    set = {}
  end

  if held >= 0 then
    if held == 0 then
      del[#del + 1] = 'c:' .. process; del[#del + 1] = 'x:' .. process
    else
      put('c:' .. process, held); put('x:' .. process, now + slot_ttl)
    end
  end
  local slots = set
  set = {}

  local mode = breaker and tonumber(h.bs) or 0
  local function trip()
    local times = (tonumber(h.bn) or 0) + 1
    clear_window()
    put('bs', 1); put('bn', times); put('bu', now + open * math.min(8, 2 ^ (times - 1)))
    mode = 1
  end
  if breaker and (mode == 0 or mode == 3) then
    if mode == 3 and now - (tonumber(h.br) or now) >= ramp then put('bs', 0); put('bn', 0); mode = 0 end
    if ok > 0 then put('o' .. part, (tonumber(h['o' .. part]) or 0) + ok) end
    if failed > 0 then put('f' .. part, (tonumber(h['f' .. part]) or 0) + failed) end
    local good, bad = 0, 0
    for field, value in pairs(h) do
      local kind, slot = string.match(field, '^([of])(%d+)$')
      if kind then
        if tonumber(slot) <= part - PARTS or tonumber(slot) > part then del[#del + 1] = field
        elseif kind == 'o' then good = good + tonumber(value)
        else bad = bad + tonumber(value) end
      end
    end
    local enough = mode == 3 and math.min(min_calls, probes) or min_calls
    if failed > 0 and good + bad >= enough and bad / (good + bad) >= ratio then trip() end
  elseif mode == 2 and probes_ok + probes_failed + probes_void > 0 then
    local well, ill = (tonumber(h.bk) or 0) + probes_ok, (tonumber(h.bf) or 0) + probes_failed
    if ill > 0 and ill >= ratio * probes then
      trip()
    else
      put('bp', math.max(0, (tonumber(h.bp) or 0) - probes_ok - probes_failed - probes_void))
      put('bk', well); put('bf', ill)
      if well + ill >= probes then
        clear_window()
        if ramp > 0 then
          put('bs', 3); put('br', now); put('bq', 0); put('bqs', 0); mode = 3
        else
          put('bs', 0); put('bn', 0); mode = 0
        end
      end
    end
  end
  if pause > 0 then put('tp', math.max(tonumber(h.tp) or 0, now + pause)) end

  if #del > 0 then redis.call('HDEL', key, unpack(del)) end
  for _, value in ipairs(slots) do set[#set + 1] = value end
  if #set > 0 then
    redis.call('HSET', key, unpack(set))
    redis.call('PEXPIRE', key, 172800000)
  end
  local till = mode == 1 and math.max(0, (tonumber(h.bu) or 0) - now) or 0
  answers[i] = { mode, till }
end
return answers
