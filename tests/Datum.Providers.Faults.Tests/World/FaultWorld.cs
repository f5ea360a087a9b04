using System.Text;
using Datum.Providers.Drivers.Simulator;
using Datum.Providers.Faults.Tests.Bugs;
using Datum.Providers.Faults.Tests.Plans;
using Datum.Providers.Faults.Tests.Worker;
using Datum.Providers.Kubernetes;

namespace Datum.Providers.Faults.Tests.World;

/// <summary>The world didn't get where it must, or a law was broken. The message is for people.</summary>
internal sealed class WorldException(string message) : Exception(message);

/// <summary>
/// An API server, two accounts of a platform and a clock that outlive any number of hosts, all in memory and in one thread; one fault at one call.
/// Everything is a function of the scenario, the plan and the seed.
/// </summary>
internal sealed partial class FaultWorld : IDisposable
{
    public const string Installation = "test";
    public const string PlaneId = "00000000-0000-4000-8000-0000000000aa";

    private static readonly TimeSpan RestartsAfter = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan LooksAfter = TimeSpan.FromMinutes(20);

    private readonly FaultPlan? _plan;
    private readonly Dictionary<string, int> _numbers = new(StringComparer.Ordinal);
    private readonly List<Action> _cuts = [];
    private readonly SimulatedCloudHandler _wire;
    private readonly SimulatedCloudHandler _otherWire;
    private DateTimeOffset _awayUntil;
    private DateTimeOffset _forbiddenUntil;
    private DateTimeOffset _otherUntil;
    private DateTimeOffset _troubleUntil;
    private FakeSnapshot? _before;
    private bool _armed;

    public FaultWorld(WorldOptions options, FaultPlan? plan, Bug? bug = null)
    {
        Options = options;
        _plan = plan;
        Bug = bug;
        Time = new ManualScheduler(options.Seed);
        Plane = new FakePlane(Time) { SharesReads = true };
        Cloud = new SimulatedCloud(Time, options.Seed, options.Knobs);
        Other = new SimulatedCloud(Time, options.Seed + 1, options.Knobs, "other-account");
        _wire = new SimulatedCloudHandler(Cloud, Time);
        _otherWire = new SimulatedCloudHandler(Other, Time);
        Profile = options.Profile;
        Oracle = new Oracle(this);
        Plane.Changed = Oracle.Changed;
    }

    public WorldOptions Options { get; }

    /// <summary>Faults at random calls instead of one plan.</summary>
    public Chaos? Chaos { get; init; }

    public Bug? Bug { get; }
    public ManualScheduler Time { get; }
    public FakePlane Plane { get; }

    /// <summary>The account that the credentials belong to.</summary>
    public SimulatedCloud Cloud { get; }

    /// <summary>The account that they show while the plan says so.</summary>
    public SimulatedCloud Other { get; }

    public Oracle Oracle { get; }

    /// <summary>The driver in the driver volume; null when it isn't there.</summary>
    public SimulatorProfile? Profile { get; set; }

    /// <summary>The driver's version as it says.</summary>
    public string DriverVersion { get; set; } = "0.1.0";

    public bool ObserveOnly { get; set; }

    /// <summary>Every call since the action began, in order.</summary>
    public List<CallId> Trace { get; } = [];

    /// <summary>Whether the plan's call came.</summary>
    public bool Hit { get; private set; }

    public List<string> Log { get; } = [];
    public List<Host> Hosts { get; } = [];

    /// <summary>The first lists of the next host are those from before the action.</summary>
    public bool NextIsStale { get; set; }

    public bool ApiIsAway => Time.Now < _awayUntil;
    public bool IsForbidden => Time.Now < _forbiddenUntil;
    public bool IsOtherAccount => Time.Now < _otherUntil;

    public bool IsOther(DateTimeOffset at) => at >= OtherSince && at < _otherUntil;

    /// <summary>Whether the credentials have shown another account at any time.</summary>
    public bool WasOtherAccount => OtherSince != default;

    /// <summary>Counts a call and says what happens to it.</summary>
    public Fault Arrive(Boundary boundary, string label, Life life)
    {
        if (!_armed || life.Dead)
            return Fault.None;
        var number = _numbers[label] = _numbers.GetValueOrDefault(label) + 1;
        Trace.Add(new CallId(boundary, label, number));
        if (Chaos?.At(boundary, () => Entries.Any(e => e.Spec.Record.AccountId is not null)) is { } random and not Fault.None)
        {
            Note($"--- {random} at {label}#{number} of {life.Name}");
            return random;
        }
        if (_plan is null || _plan.Number != number || _plan.Label != label)
            return Fault.None;
        Hit = true;
        Note($"--- {_plan.Fault} at {label}#{number} of {life.Name}");
        return _plan.Fault;
    }

    /// <summary>Faults of the platform that last.</summary>
    public void Started(Fault fault)
    {
        switch (fault)
        {
            case Fault.Forbidden:
                Trouble(_forbiddenUntil = Time.Now + TimeSpan.FromMinutes(5));
                break;
            case Fault.OtherAccount:
                SwapAccount(TimeSpan.FromMinutes(10));
                break;
            case Fault.IdsReused:
                Cloud.ReusesIds = true;
                break;
            case Fault.NewestHidden:
                var before = Cloud.Knobs;
                Cloud.Knobs = before with { ConsistencyWindow = TimeSpan.FromSeconds(4), ListLag = TimeSpan.FromSeconds(4) };
                Trouble(Time.Now + TimeSpan.FromMinutes(5));
                After(TimeSpan.FromMinutes(5), () => Cloud.Knobs = Cloud.Knobs with { ConsistencyWindow = before.ConsistencyWindow, ListLag = before.ListLag });
                break;
            default:
                break;
        }
    }

    /// <summary>The credentials show another account from now on, for so long.</summary>
    public void SwapAccount(TimeSpan @for)
    {
        OtherSince = Time.Now;
        _otherUntil = Time.Now + @for;
        // It is over when a person has looked as well.
        Trouble(_plan?.Fault == Fault.OtherAccount ? _otherUntil + LooksAfter + TimeSpan.FromMinutes(1) : _otherUntil);
    }

    /// <summary>When the credentials began to show the other account.</summary>
    public DateTimeOffset OtherSince { get; private set; }

    public void GoAway()
    {
        Trouble(_awayUntil = Time.Now + TimeSpan.FromMinutes(30));
        foreach (var cut in _cuts.ToList())
            cut();
    }

    /// <summary>Calls back when the API server goes away.</summary>
    public IDisposable OnAway(Action cut)
    {
        _cuts.Add(cut);
        return new Cut(this, cut);
    }

    public void After(TimeSpan delay, Action action)
    {
        Trouble(Time.Now + delay);
        _ = Time.CreateTimer(_ => action(), null, delay, Timeout.InfiniteTimeSpan);
    }

    /// <summary>From now on calls are counted, and the plan's fault can come.</summary>
    public void Arm()
    {
        _before = Plane.Snapshot();
        _armed = true;
    }

    /// <summary>No call is counted any more.</summary>
    public void Disarm() => _armed = false;

    public FakeSnapshot Before => _before ?? throw new InvalidOperationException("The action hasn't begun.");

    public Host Start(string name = "host-1", bool useLease = false)
    {
        var host = new Host(this, name, useLease, NextIsStale ? _before : null);
        NextIsStale = false;
        Hosts.Add(host);
        host.Run();
        return host;
    }

    /// <summary>Ends every host and starts each again, as an upgrade does.</summary>
    public async Task RestartAsync()
    {
        foreach (var host in Hosts.Where(h => h.StartsAgain).ToList())
            host.Life.Kill();
        await AdvanceAsync(TimeSpan.FromSeconds(2));
    }

    /// <summary>Ends every host for good.</summary>
    public void StopAll()
    {
        foreach (var host in Hosts)
        {
            host.StartsAgain = false;
            host.Life.Kill();
        }
    }

    /// <summary>Puts every entry back as a backup has it: older, and without its status.</summary>
    public void RestoreLedger(FakeSnapshot backup) => Oracle.LosesLedger(() =>
    {
        foreach (var entry in Entries)
            Plane.Vanish(ResourceTypes.ManagedResources, null, entry.Metadata.Name!);
        foreach (var entry in FakePlane.ListAt(backup, ResourceTypes.ManagedResources, new ListOptions()).Items)
        {
            entry.Status = null;
            Create(ResourceTypes.ManagedResources, entry);
        }
    });

    public async Task AdvanceAsync(TimeSpan by)
    {
        var target = Time.Now + by;
        await IdleAsync();
        while (Time.NextTimer is { } due && due <= target)
            await StepAsync();
        Time.Advance(target - Time.Now);
        await IdleAsync();
    }

    /// <summary>Lets time pass until something is so; a host that the plan ended is started again.</summary>
    public async Task UntilAsync(string what, Func<bool> isSo, TimeSpan? limit = null)
    {
        var deadline = Time.Now + (limit ?? TimeSpan.FromHours(2));
        await IdleAsync();
        while (!isSo())
        {
            if (Time.NextTimer is { } due && due <= deadline)
                await StepAsync();
            else
                throw new WorldException($"Not within {limit ?? TimeSpan.FromHours(2)}: {what}.");
        }
    }

    /// <summary>Lets every fault that lasts end, and then the hosts rest: no write and no mutation for longer than any of them waits to try again.</summary>
    public async Task RestAsync(string what, Func<bool> isSo)
    {
        var limit = Time.Now + TimeSpan.FromHours(3);
        do
        {
            if (Time.Now > limit)
                throw new WorldException($"L8: it doesn't come to rest. The last writes: {string.Join("; ", Plane.Writes.TakeLast(6))}");
            if (_troubleUntil > Time.Now)
                await AdvanceAsync(_troubleUntil - Time.Now);
            await UntilAsync(what, isSo);
            if (_troubleUntil > Time.Now)
                continue;
            // A fault that comes and goes meanwhile is a trouble too: what waits after it has its time yet.
            var (writes, mutations, trouble) = (Oracle.Writes, Cloud.Statistics.Mutations, _troubleUntil);
            await AdvanceAsync(TimeSpan.FromMinutes(6));
            if (isSo() && Oracle.Writes == writes && Cloud.Statistics.Mutations == mutations && _troubleUntil == trouble)
                return;
        }
        while (true);
    }

    public void Note(string line) => Log.Add($"{Time.Now:HH:mm:ss.fff} {line}");

    public void Dispose()
    {
        foreach (var host in Hosts)
            host.Dispose();
        _wire.Dispose();
        _otherWire.Dispose();
    }

    internal HttpMessageHandler WireOf(Life life) => new FaultyWire(this, life, _wire, _otherWire);

    internal HttpMessageHandler Wire => _wire;

    private void Trouble(DateTimeOffset until) => _troubleUntil = until > _troubleUntil ? until : _troubleUntil;

    private async Task StepAsync()
    {
        // A wrong engine is caught with its first violation; what follows only takes time.
        if (Bug is not null && Oracle.HasBroken)
            throw new WorldException("Stopped at the first violation.");
        Time.AdvanceToNextTimer();
        await IdleAsync();
    }

    /// <summary>Lets all run that waits for nothing, and has what ended meanwhile started again, also what ended before its first timer.</summary>
    private async Task IdleAsync()
    {
        await OneThread.Idle();
        if (_plan?.Fault == Fault.OtherAccount)
            Confirm();
        foreach (var host in Hosts.Where(h => h.Life.Dead && h.StartsAgain).ToList())
        {
            host.StartsAgain = false;
            var (name, lease) = (host.Name, host.UsesLease);
            _ = Time.CreateTimer(_ => Start(name, lease), null, RestartsAfter, Timeout.InfiniteTimeSpan);
        }
    }

    /// <summary>
    /// Where the account was another one, all of it may have counted as vanished (L15). A person looks when it is back, and says that what is still missing is gone.
    /// </summary>
    private void Confirm()
    {
        if (Time.Now < _otherUntil + LooksAfter || Plane.Peek(ResourceTypes.ProviderConfigs, null, "sim") is not { } config)
            return;
        foreach (var hold in (config.Status?.Holds ?? []).Where(h => h.ConfirmedAt is null && config.Metadata.Annotation(Annotations.Confirm) != h.Token).Take(1))
            Plane.Edit(ResourceTypes.ProviderConfigs, null, "sim", c => (c.Metadata.Annotations ??= [])[Annotations.Confirm] = hold.Token);
    }

    /// <summary>Everything of the ledger, the plane, the platform and the log's end, for people who read a failed plan.</summary>
    public string Describe(int lines = 40)
    {
        var text = new StringBuilder();
        foreach (var e in Plane.Live(ResourceTypes.ManagedResources))
        {
            var ready = Conditions.Find(e.Status?.Conditions, ConditionTypes.Ready);
            text.AppendLine($"entry {e.Spec.Kind} {e.Metadata.Name![..6]} of {e.Spec.Owner.Kind} {e.Spec.Owner.Name} wanted={e.Spec.Wanted} retiring={e.Spec.Record.Retiring} inc={e.Spec.Record.Incarnation} intent={e.Spec.Record.Intent?.Part} "
                + $"parts=[{string.Join(',', e.Spec.Record.Parts?.Select(p => $"{p.Name}={p.Id}") ?? [])}] {e.Status?.State}: {ready?.Status} {ready?.Reason} {ready?.Message}");
        }
        foreach (var line in Canonical.Datum(this))
            text.AppendLine(line);
        foreach (var o in Cloud.Objects)
            text.AppendLine($"cloud {o.Collection} {o.Id} {o.Name} {o.State} {string.Join(',', o.Labels?.Select(l => $"{l.Key}={l.Value}") ?? [])}");
        foreach (var line in Log.TakeLast(lines))
            text.AppendLine(line.Length > 500 ? line[..500] : line);
        return text.ToString();
    }

    private sealed class Cut(FaultWorld world, Action cut) : IDisposable
    {
        public void Dispose() => world._cuts.Remove(cut);
    }
}

/// <summary>What a world begins with.</summary>
internal sealed record WorldOptions
{
    public int Seed { get; init; } = 1;

    public SimulatorKnobs Knobs { get; init; } = new()
    {
        OperationDurations = new Dictionary<ResourceKind, TimeSpan> { [ResourceKind.Instance] = TimeSpan.FromSeconds(2), [ResourceKind.Network] = TimeSpan.FromSeconds(1) }.ToImmutableDictionary(),
    };

    public SimulatorProfile Profile { get; init; } = new();

    /// <summary>Host names.</summary>
    public ImmutableArray<string> Hosts { get; init; } = ["host-1"];

    /// <summary>Whether the hosts run Datum's own controllers.</summary>
    public bool HasCore { get; init; } = true;

    /// <summary>Null: with more than one host.</summary>
    public bool? UseLease { get; init; }

    /// <summary>Between listings.</summary>
    public string PollInterval { get; init; } = "3m";
}
