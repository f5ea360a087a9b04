namespace Datum.Providers.Conformance;

/// <summary>Where and how a request breaks.</summary>
internal enum FaultKind
{
    /// <summary>Not allowed.</summary>
    Unknown = 0,

    /// <summary>The connection is refused: nothing was sent.</summary>
    Refuse = 1,

    /// <summary>The connection breaks before the platform acted.</summary>
    ResetBefore = 2,

    /// <summary>The connection breaks after the platform acted.</summary>
    ResetAfter = 3,

    /// <summary>No answer before the deadline; the platform didn't act.</summary>
    TimeoutBefore = 4,

    /// <summary>No answer before the deadline; the platform acted.</summary>
    TimeoutAfter = 5,

    /// <summary>An answer of the status; the platform didn't act.</summary>
    StatusBefore = 6,

    /// <summary>An answer of the status although the platform acted.</summary>
    StatusAfter = 7,

    /// <summary>The platform acted; its answer ends in the middle.</summary>
    TruncatedBody = 8,

    /// <summary>The platform acted; its answer is no JSON and no text.</summary>
    GarbageBody = 9,

    /// <summary>The platform acted; its answer never stops coming.</summary>
    OversizedBody = 10,

    /// <summary>The platform acted; its answer stops after the first byte, the connection stays open.</summary>
    EndlessBody = 11,

    /// <summary>The platform acted; the answer is empty.</summary>
    EmptyBody = 12,

    /// <summary>The platform didn't act and points to another host.</summary>
    Redirect = 13,

    /// <summary>The call is cancelled while the request is on its way; the platform didn't act.</summary>
    CancelBefore = 14,

    /// <summary>The call is cancelled before the answer is there; the platform acted.</summary>
    CancelAfter = 15,

    /// <summary>The call is cancelled, and the answer arrives all the same.</summary>
    CancelAnswered = 16,
}

/// <summary>A planned fault.</summary>
internal sealed record Fault
{
    public required FaultKind Kind { get; init; }

    /// <summary>Of StatusBefore and StatusAfter.</summary>
    public int Status { get; init; } = 500;

    /// <summary>Of StatusBefore and StatusAfter.</summary>
    public string Body { get; init; } = "";

    public string ContentType { get; init; } = "application/json";

    /// <summary>Header Retry-After, in whole seconds.</summary>
    public TimeSpan? RetryAfter { get; init; }

    /// <summary>Further headers of StatusBefore and StatusAfter.</summary>
    public ImmutableArray<KeyValuePair<string, string>> Headers { get; init; } = [];

    /// <summary>Builds the body of StatusBefore and StatusAfter from the request, as a platform does that echoes what it was sent; wins over <see cref="Body"/>.</summary>
    public Func<RequestRecord, string>? Echo { get; init; }

    /// <summary>Only requests that may change something. Default true.</summary>
    public bool MutationsOnly { get; init; } = true;

    /// <summary>Only requests of this verb of the contract (<c>create</c>, <c>observe</c> and so on); null for all.</summary>
    public string? Verb { get; init; }

    /// <summary>Only requests for which this holds; null for all.</summary>
    public Func<RequestRecord, bool>? Match { get; init; }

    /// <summary>The first matching request that it hits, from 1.</summary>
    public int Nth { get; init; } = 1;

    /// <summary>How many matching requests it hits from there.</summary>
    public int Times { get; init; } = 1;

    /// <summary>True when the request gets to the platform.</summary>
    public bool TakesEffect => Kind is FaultKind.ResetAfter or FaultKind.TimeoutAfter or FaultKind.StatusAfter or FaultKind.TruncatedBody
        or FaultKind.GarbageBody or FaultKind.OversizedBody or FaultKind.EndlessBody or FaultKind.EmptyBody or FaultKind.CancelAfter or FaultKind.CancelAnswered;

    /// <summary>True when the call can end only by its deadline.</summary>
    public bool Hangs => Kind is FaultKind.TimeoutBefore or FaultKind.TimeoutAfter or FaultKind.EndlessBody;

    public override string ToString() => Kind is FaultKind.StatusBefore or FaultKind.StatusAfter ? $"{Kind} {Status}" : Kind.ToString();
}

/// <summary>One request as it went out.</summary>
internal sealed record RequestRecord
{
    public required int Number { get; init; }

    /// <summary>The verb of the contract during which it was sent; <c>connect</c> while a session was opened, empty outside of any call.</summary>
    public required string Verb { get; init; }

    public required string CallId { get; init; }

    public required HttpMethod Method { get; init; }

    public required Uri Uri { get; init; }

    public required ImmutableArray<KeyValuePair<string, string>> Headers { get; init; }

    public required ReadOnlyMemory<byte> Body { get; init; }

    public required bool Mutation { get; init; }

    /// <summary>The status of the answer, 0 when there was none.</summary>
    public int Status { get; set; }

    /// <summary>What hit it.</summary>
    public Fault? Fault { get; set; }

    public override string ToString() => $"{Number}. {Verb}: {Method} {Uri.AbsolutePath} -> {(Status == 0 ? "no answer" : Status)}{(Fault is null ? "" : $" [{Fault}]")}";
}

/// <summary>The faults of a run and the requests that were seen. Thread-safe.</summary>
internal sealed class FaultPlan
{
    private readonly Lock _gate = new();
    private readonly List<(Fault Fault, int[] Seen)> _faults = [];
    private readonly List<RequestRecord> _requests = [];
    private readonly List<string> _violations = [];
    private int _hits;

    /// <summary>Rules broken beside what a case looks at; each fails the case.</summary>
    public ImmutableArray<string> Violations { get { lock (_gate) return [.. _violations]; } }

    public void Violate(string what) { lock (_gate) _violations.Add(what); }

    /// <summary>Requests that a fault hit so far.</summary>
    public int Hits { get { lock (_gate) return _hits; } }

    /// <summary>Counts requests that were hit in a run within this one.</summary>
    public void Hit(int count) { lock (_gate) _hits += count; }

    public ImmutableArray<RequestRecord> Requests { get { lock (_gate) return [.. _requests]; } }

    /// <summary>True while a fault is armed that only a deadline ends.</summary>
    public bool WillHang { get { lock (_gate) return _faults.Any(f => f.Fault.Hangs); } }

    public void Arm(Fault fault) { lock (_gate) _faults.Add((fault, [0])); }

    public void Disarm() { lock (_gate) _faults.Clear(); }

    /// <summary>Mutating requests so far.</summary>
    public int Mutations { get { lock (_gate) return _requests.Count(r => r.Mutation); } }

    /// <summary>The last requests, as lines for a person.</summary>
    public string Story()
    {
        lock (_gate)
            return _requests.Count == 0 ? "" : Environment.NewLine + "The last requests: " + string.Join("; ", _requests.TakeLast(12));
    }

    public int NextNumber() { lock (_gate) return _requests.Count + 1; }

    public Fault? Record(RequestRecord request)
    {
        lock (_gate)
        {
            _requests.Add(request);
            foreach (var (fault, seen) in _faults)
            {
                if ((fault.MutationsOnly && !request.Mutation) || (fault.Verb is not null && fault.Verb != request.Verb) || fault.Match?.Invoke(request) == false)
                    continue;
                seen[0]++;
                if (seen[0] < fault.Nth || seen[0] - fault.Nth >= fault.Times)
                    continue;
                _hits++;
                request.Fault = fault;
                return fault;
            }

            return null;
        }
    }
}
