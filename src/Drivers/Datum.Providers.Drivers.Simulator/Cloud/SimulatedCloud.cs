using System.Globalization;
using System.Text;

namespace Datum.Providers.Drivers.Simulator;

/// <summary>
/// A small infrastructure platform in memory: objects, operations, tokens, quotas. It speaks JSON through
/// <see cref="SimulatedCloudHandler"/>; its members here are what an operator of the platform, or a test, can do. Thread-safe; time comes
/// from the given clock and moves on only when a request or a member looks.
/// </summary>
public sealed partial class SimulatedCloud
{
    private readonly Lock _gate = new();
    private readonly TimeProvider _time;
    private readonly Random _random;
    private readonly CloudStateFile? _file;
    private readonly SortedDictionary<string, CloudObject> _objects = new(StringComparer.Ordinal);
    private readonly Dictionary<string, CloudOperation> _operations = new(StringComparer.Ordinal);
    private readonly Dictionary<string, CloudToken> _tokens = new(StringComparer.Ordinal);
    private readonly List<CloudGhost> _ghosts = [];
    private readonly List<(FaultRule Rule, int[] Seen)> _faults = [];
    private readonly List<(OperationFault Rule, int[] Left)> _operationFaults = [];
    private readonly SortedDictionary<string, long> _calls = new(StringComparer.Ordinal);
    private readonly SortedDictionary<string, long> _creates = new(StringComparer.Ordinal);
    private SimulatorKnobs _knobs;
    private string _accountId;
    private long _sequence;
    private bool _dirty;
    private double _allowance;
    private DateTimeOffset _allowanceAt;

    /// <summary>A new platform without objects.</summary>
    public SimulatedCloud(TimeProvider time, int seed = 1, SimulatorKnobs? knobs = null, string accountId = "sim-account")
        : this(time, seed, knobs, accountId, file: null)
    {
    }

    internal SimulatedCloud(TimeProvider time, int seed, SimulatorKnobs? knobs, string accountId, CloudStateFile? file)
    {
        _time = time;
        _random = new Random(seed);
        _knobs = knobs ?? new SimulatorKnobs();
        _accountId = accountId;
        _file = file;
        _allowanceAt = time.GetUtcNow();
        _allowance = _knobs.RequestsPerSecond ?? 0;
        // A new state file is written at once, so that its account id stays; an existing one is read instead.
        _dirty = file is not null;
        _ = Do(() => true);
    }

    /// <summary>How it behaves.</summary>
    public SimulatorKnobs Knobs
    {
        get { lock (_gate) return _knobs; }
        set
        {
            lock (_gate)
            {
                _allowance = Math.Max(_allowance, value.RequestsPerSecond ?? 0);
                _knobs = value;
            }
        }
    }

    /// <summary>The account that every session is told. Changing it is what a swapped credential looks like.</summary>
    public string AccountId
    {
        get => Do(() => _accountId);
        set => Do(() => { _accountId = value; _dirty = true; return true; });
    }

    /// <summary>True: a new object gets the id of the last one of its collection that is gone, as platforms do that count.</summary>
    public bool ReusesIds { get; set; }

    /// <summary>Lifetimes of all objects.</summary>
    public CloudAudit Audit { get; } = new();

    /// <summary>Calls and creates so far.</summary>
    public CloudStatistics Statistics
    {
        get
        {
            lock (_gate)
                return new CloudStatistics { Calls = _calls.ToImmutableSortedDictionary(), Creates = _creates.ToImmutableSortedDictionary() };
        }
    }

    /// <summary>Every object that exists now, whoever may see it.</summary>
    public ImmutableArray<CloudObject> Objects => Do(() => _objects.Values.Select(Public).ToImmutableArray());

    /// <summary>Existing objects of one collection.</summary>
    public ImmutableArray<CloudObject> In(string collection) => [.. Objects.Where(o => o.Collection == collection)];

    /// <summary>Plans a fault.</summary>
    public void Add(FaultRule rule) { lock (_gate) _faults.Add((rule, [0])); }

    /// <summary>Plans a failure of operations.</summary>
    public void Add(OperationFault rule) { lock (_gate) _operationFaults.Add((rule, [rule.Times])); }

    /// <summary>Forgets all planned faults.</summary>
    public void ClearFaults()
    {
        lock (_gate)
        {
            _faults.Clear();
            _operationFaults.Clear();
        }
    }

    /// <summary>Lets an object that waits for approval be built; false when none waits under this id.</summary>
    public bool Approve(string id) => Do(() =>
    {
        if (!_objects.TryGetValue(id, out var item) || item.State != CloudStates.PendingApproval)
            return false;
        Begin(item, out _);
        return true;
    });

    /// <summary>Turns an object down that waits for approval: it stays, in state FAILED.</summary>
    public bool Reject(string id, string reason) => Do(() =>
    {
        if (!_objects.TryGetValue(id, out var item) || item.State != CloudStates.PendingApproval)
            return false;
        Store(item with { State = CloudStates.Failed, Error = new CloudError { Code = "APPROVAL_REJECTED", Message = reason } });
        return true;
    });

    /// <summary>Takes an object away behind everyone's back; false when it isn't there.</summary>
    public bool Vanish(string id) => Do(() =>
    {
        if (!_objects.TryGetValue(id, out var item))
            return false;
        Remove(item, AuditEvent.Vanished);
        return true;
    });

    /// <summary>Changes an object behind everyone's back (labels, rules, state).</summary>
    public bool Change(string id, Func<CloudObject, CloudObject> change) => Do(() =>
    {
        if (!_objects.TryGetValue(id, out var item))
            return false;
        Store(change(item) with { Id = item.Id, Collection = item.Collection });
        return true;
    });

    /// <summary>Copies an object with its labels, as a user's clone does; returns the copy's id.</summary>
    public string Clone(string id) => Do(() =>
    {
        var item = _objects[id];
        var copy = item with { Id = NextId(item.Collection), AttachedTo = null, CreatedAt = Now };
        Store(copy);
        Audit.Record(AuditEvent.Created, copy, Now);
        return copy.Id;
    });

    /// <summary>Sets what the guest of a server says of itself.</summary>
    public bool SetGuestHealth(string serverId, bool? ready, string? message = null) =>
        Change(serverId, s => s with { Guest = ready switch { true => "ready", false => "notReady", null => null }, GuestMessage = message });

    /// <summary>Ends a container of a server with an exit code; false when there is none of this name.</summary>
    public bool CrashContainer(string serverId, string container, int exitCode = 137) => Do(() =>
    {
        if (!_objects.TryGetValue(serverId, out var server) || server.Containers is not { } containers || containers.All(c => c.Name != container))
            return false;
        Append(serverId, container, Encoding.UTF8.GetBytes(string.Create(CultureInfo.InvariantCulture, $"container {container} ended with {exitCode}\n")));
        Store(server with
        {
            Containers = [.. containers.Select(c => c.Name == container ? c with { Running = false, ExitCode = exitCode, Message = "The container ended." } : c)],
            Guest = server.Guest is null ? null : "notReady",
            GuestMessage = $"container {container} ended with {exitCode.ToString(CultureInfo.InvariantCulture)}",
        });
        return true;
    });

    /// <summary>Makes every operation, finished or not, unknown from now on; the work itself goes on.</summary>
    public void ForgetOperations() => Do(() =>
    {
        foreach (var operation in _operations.Values.ToList())
            _operations[operation.Id] = operation with { Forgotten = true };
        _dirty = true;
        return true;
    });

    /// <summary>Answers one request, with effect. Faults on the wire are the handler's.</summary>
    internal CloudResponse Handle(CloudRequest request)
    {
        lock (_gate)
        {
            var call = $"{request.Method} {Collections.KindOf(request.Collection)}";
            _calls[call] = _calls.GetValueOrDefault(call) + 1;
            if (Throttled())
                return CloudResponse.Error(429, "RATE_LIMITED", "Too many requests.") with { RetryAfter = _knobs.RetryAfter };
            var lease = _file?.TryLock();
            if (_file is not null && lease is null)
                return CloudResponse.Error(503, "BUSY", "Another process holds the platform's state.") with { RetryAfter = TimeSpan.FromSeconds(1) };
            using (lease)
            {
                Load(lease);
                Settle();
                var response = Route(request);
                Save(lease);
                return response;
            }
        }
    }

    /// <summary>The fault that awaits a request, if any; counts the request against every rule.</summary>
    internal FaultRule? PlanFault(HttpMethod method, string path)
    {
        lock (_gate)
        {
            FaultRule? hit = null;
            foreach (var (rule, seen) in _faults)
            {
                if ((rule.Method is not null && rule.Method != method.Method) || (rule.Path is not null && !Matches(rule.Path, path)))
                    continue;
                seen[0]++;
                if (hit is null && seen[0] >= rule.Nth && seen[0] < rule.Nth + rule.Times)
                    hit = rule;
            }

            if (hit is not null)
                return hit;
            if (_knobs.FailureRate > 0 && _random.NextDouble() < _knobs.FailureRate)
                return new FaultRule { Kind = FaultKind.ErrorBefore, Status = 503, Code = "UNAVAILABLE", Message = "A random failure." };
            return _knobs.LostAnswerRate > 0 && _random.NextDouble() < _knobs.LostAnswerRate ? new FaultRule { Kind = FaultKind.ResetAfter } : null;
        }
    }

    internal TimeSpan NextLatency()
    {
        lock (_gate)
            return _knobs.Latency + _knobs.LatencyJitter * (_knobs.LatencyJitter > TimeSpan.Zero ? _random.NextDouble() : 0);
    }

    private DateTimeOffset Now => _time.GetUtcNow();

    private T Do<T>(Func<T> work)
    {
        lock (_gate)
        {
            using var lease = _file is null ? null : _file.TryLock() ?? throw new IOException("Another process holds the platform's state.");
            Load(lease);
            Settle();
            var result = work();
            Save(lease);
            return result;
        }
    }

    private bool Throttled()
    {
        if (_knobs.RequestsPerSecond is not { } rate)
            return false;
        var now = Now;
        _allowance = Math.Min(rate, _allowance + (now - _allowanceAt).TotalSeconds * rate);
        _allowanceAt = now;
        if (_allowance < 1)
            return true;
        _allowance -= 1;
        return false;
    }

    private void Load(CloudStateFile.Lease? lease)
    {
        if (lease?.ReadIfChanged() is not { } state)
            return;
        var first = _sequence == 0;
        var before = _objects.ToDictionary(StringComparer.Ordinal);
        _objects.Clear();
        _operations.Clear();
        _tokens.Clear();
        _ghosts.Clear();
        _consoles.Clear();
        _accountId = state.AccountId;
        _sequence = state.Sequence;
        foreach (var item in state.Objects)
        {
            _objects[item.Id] = item;
            var old = before.GetValueOrDefault(item.Id);
            if (old is null)
                Audit.Record(first ? AuditEvent.Loaded : AuditEvent.Created, item, Now);
            if (!first && old?.Generation != item.Generation)
                Publish(item);
        }

        foreach (var item in before.Values.Where(b => !_objects.ContainsKey(b.Id)))
        {
            Audit.Record(AuditEvent.Deleted, item, Now);
            Publish(item);
        }

        foreach (var operation in state.Operations)
            _operations[operation.Id] = operation;
        foreach (var (key, token) in state.Tokens)
            _tokens[key] = token;
        _ghosts.AddRange(state.Ghosts);
        foreach (var console in state.Consoles)
            _consoles[ConsoleKey(console.ServerId, console.Container)] = console;
        _dirty = false;
    }

    private void Save(CloudStateFile.Lease? lease)
    {
        if (lease is null || !_dirty)
            return;
        lease.Write(new CloudState
        {
            AccountId = _accountId,
            Sequence = _sequence,
            Objects = [.. _objects.Values],
            Operations = [.. _operations.Values],
            Tokens = _tokens.ToImmutableSortedDictionary(StringComparer.Ordinal),
            Ghosts = [.. _ghosts],
            Consoles = [.. _consoles.Values],
        });
        _dirty = false;
    }

    private static bool Matches(string pattern, string path)
    {
        var p = pattern.Split('/');
        var s = path.Split('/');
        return p.Length == s.Length && p.Zip(s).All(x => x.First == "*" || x.First == x.Second);
    }
}
