using System.Globalization;

namespace Datum.Providers.Conformance;

/// <summary>One run of a case: the world, the kit's host, the sessions. Methods named Expect throw <see cref="CaseFailedException"/>.</summary>
internal sealed class CaseRun : IAsyncDisposable
{
    private readonly List<Session> _sessions = [];
    private readonly Dictionary<ResourceKind, Resource> _shared = [];
    private readonly LeakCheck _leaks;
    private Session? _session;
    private int _calls;
    private int _numbers;

    public CaseRun(ConformanceWorld world, TimeSpan patience, int caseNumber = 0)
    {
        BreakPoints = new BreakPoints(world.MostBreakPoints, caseNumber);
        World = world;
        Patience = patience;
        Host = new KitHost(world);
        Descriptor = world.Factory.Describe();
        _leaks = LeakCheck.For(world);
    }

    public ConformanceWorld World { get; }

    public DriverDescriptor Descriptor { get; }

    public KitHost Host { get; }

    public FaultPlan Faults => Host.Faults;

    public TimeSpan Patience { get; }

    /// <summary>Places that the case breaks at.</summary>
    public BreakPoints BreakPoints { get; }

    /// <summary>How calls are made from now on.</summary>
    public CallShape Shape { get; set; } = new();

    /// <summary>Secrets that every output is searched for.</summary>
    public LeakCheck Leaks => _leaks;

    public KindDescriptor KindOf(ResourceKind kind) => Descriptor.Kinds.First(k => k.Kind == kind);

    /// <summary>An ability of the world; without it the case isn't applicable.</summary>
    public T Need<T>() where T : class => World as T ?? throw new NotApplicableException($"The world doesn't implement {typeof(T).Name}.");

    /// <summary>The session that the case works with; opened at the first use.</summary>
    public async Task<Session> SessionAsync() => _session ??= await OpenAsync();

    /// <summary>Makes another session the one that the case works with, as after a restart of the host.</summary>
    public void Use(Session session) => _session = session;

    /// <summary>Opens a further session. Fails the case when it is refused.</summary>
    public async Task<Session> OpenAsync(Connection? connection = null)
    {
        try
        {
            return await TryOpenAsync(connection ?? World.Connection);
        }
        catch (DriverException e)
        {
            throw new CaseFailedException($"The session was refused: {Show.Of(e.Error)}");
        }
    }

    /// <summary>Opens a session, or throws what the driver threw.</summary>
    public async Task<Session> TryOpenAsync(Connection connection)
    {
        using var frame = NewFrame("connect", null);
        try
        {
            var driver = await RunAsync(frame, call => World.Factory.ConnectAsync(Host, connection, call.Cancellation));
            var session = new Session(this, driver);
            _sessions.Add(session);
            return session;
        }
        catch (DriverException e)
        {
            Host.Output.Add("connect", Show.Of(e.Error) + " " + e);
            throw;
        }
        catch (Exception e) when (e is not (CaseFailedException or NotApplicableException) && !frame.Cancelled)
        {
            Host.Output.Add("connect", e.ToString());
            throw new CaseFailedException($"ConnectAsync threw {e.GetType().Name}: {e.Message}; a session is refused with DriverException (DC-2).");
        }
    }

    /// <summary>Calls a verb as the host does: with a deadline, and with whatever it throws flattened to an error.</summary>
    public async Task<T> CallAsync<T>(string verb, ResourceSpec? desired, Func<Call, ValueTask<T>> work, Func<DriverError, T> timedOut)
    {
        using var frame = NewFrame(verb, new KitPayloads(World, KitPayloads.Of(desired), Faults.Violate));
        if (Shape.Cancelled)
            await frame.CancelAsync();
        try
        {
            return await RunAsync(frame, work);
        }
        catch (OperationCanceledException) when (frame.Cancelled)
        {
            return timedOut(new DriverError { Code = ErrorCode.Timeout, Effect = Effect.Unknown, Message = "The call was cancelled.", Scope = ErrorScope.Resource });
        }
        catch (Exception e) when (e is not CaseFailedException and not NotApplicableException)
        {
            Host.Output.Add("exception", e.ToString());
            throw new CaseFailedException($"{verb} threw {e.GetType().Name}: {e.Message} (DC-11: errors are values).");
        }
        finally
        {
            frame.Payloads?.End();
        }
    }

    private CallFrame NewFrame(string verb, KitPayloads? payloads)
    {
        Host.Calls.Count(verb);
        var id = string.Create(CultureInfo.InvariantCulture, $"conformance-{Interlocked.Increment(ref _calls):0000}");
        var frame = new CallFrame(World, verb, id, Shape.Left ?? (Faults.WillHang ? World.HangingCallTimeout : World.CallTimeout), payloads, Host.Skew);
        if (payloads is not null)
            payloads.Shape = Shape;
        if (payloads is not null && Shape.OnPayload is { } onPayload)
            payloads.OnRead = token => onPayload(frame, token);
        return frame;
    }

    private async Task<T> RunAsync<T>(CallFrame frame, Func<Call, ValueTask<T>> work)
    {
        // On a thread of its own, so that a driver that blocks can't take the run with it.
        var running = Task.Run(async () =>
        {
            frame.Enter();
            return await work(frame.Call);
        });
        try
        {
            return await running.WaitAsync(Patience);
        }
        catch (TimeoutException) when (!running.IsCompleted)
        {
            throw new CaseFailedException($"{frame.Verb} didn't end within {Patience.TotalSeconds:0} seconds of real time{(frame.Cancelled ? " although its deadline had passed and it was cancelled" : "; it waits for something (DC-10)")} (DC-13).");
        }
    }

    /// <summary>A new identity; each differs from the others of the run.</summary>
    public Identity NewIdentity(ResourceKind kind, int? number = null)
    {
        var n = number ?? Interlocked.Increment(ref _numbers);
        return new Identity { Installation = World.Connection.Installation, Kind = kind, Name = Tokens.Name(kind, n, World.Connection.Installation), Incarnation = 1, Hint = $"conformance/{kind}-{n}" };
    }

    /// <summary>A resource of the world's sample that nothing was built of yet; what it needs is built.</summary>
    public async Task<Resource> PrepareAsync(ResourceKind kind, bool build = true)
    {
        var sample = World.SampleOf(kind) ?? throw new NotApplicableException($"The world has no sample of {kind}.");
        var number = Interlocked.Increment(ref _numbers);
        var references = new Dictionary<ResourceKind, Reference>();
        foreach (var needed in build ? sample.Needs : [])
        {
            if (!_shared.TryGetValue(needed, out var shared))
                _shared[needed] = shared = await HostLoop.BuildAsync(this, await PrepareAsync(needed));
            references[needed] = shared.Refer();
        }

        foreach (var needed in build ? sample.NeedsOwn : [])
            references[needed] = (await HostLoop.BuildAsync(this, await PrepareAsync(needed))).Refer();
        var context = new SampleContext(World, number, references);
        return new Resource { Kind = kind, Sample = sample, Context = context, Identity = NewIdentity(kind, number), Spec = sample.Valid(context) };
    }

    public static void Expect(bool holds, string otherwise)
    {
        if (!holds)
            throw new CaseFailedException(otherwise);
    }

    /// <summary>What must hold of every error.</summary>
    public void CheckError(DriverError? error)
    {
        if (error is null)
            return;
        if (error.Code == ErrorCode.Unknown || !Enum.IsDefined(error.Code))
            Faults.Violate($"An error has no code: {Show.Of(error)} (DC-45).");
        if (string.IsNullOrWhiteSpace(error.Message))
            Faults.Violate($"An error has no message: {error.Code} (DC-50).");
        if (error.Code == ErrorCode.Bug)
            Faults.Violate($"The driver reports a bug of its own: {Show.Of(error)}.");
        if (error.RetryAfter < TimeSpan.Zero)
            Faults.Violate($"RetryAfter is negative: {Show.Of(error)}.");
    }

    /// <summary>What must hold of every look.</summary>
    public void CheckSeen(Seen seen, ResourceSpec? desired)
    {
        CheckError(seen.Error);
        CheckError(seen.Failure);
        CheckProgress(seen.InProgress);
        CheckStep(seen.Next, desired);
        CheckParts(seen.Parts);
        if (!Enum.IsDefined(seen.State) || !Enum.IsDefined(seen.Mark))
            Faults.Violate($"State {seen.State} or mark {seen.Mark} isn't one of the contract: {seen} (DC-94).");
        if (seen.Presence == Presence.Present && seen.Parts.IsEmpty)
            Faults.Violate($"Present names no part: {seen} (DC-23).");
        if (seen.Presence == Presence.Ambiguous && seen.Candidates.Length < 2)
            Faults.Violate($"Ambiguous names fewer than two candidates: {seen} (DC-24).");
        if (desired is null && !seen.Drift.IsEmpty)
            Faults.Violate($"There is drift without a desired state: {seen} (DC-27).");
    }

    /// <summary>What must hold of every outcome.</summary>
    public void CheckResult(StepResult result, ResourceSpec? desired)
    {
        CheckError(result.Error);
        CheckProgress(result.Progress);
        CheckParts(result.Parts);
        if (result.Seen is { } seen)
            CheckSeen(seen, desired);
    }

    /// <summary>DC-20: looks change nothing.</summary>
    public void CheckReadsOnly(string verb, int requestsBefore)
    {
        foreach (var request in Faults.Requests.Skip(requestsBefore).Where(r => r.Mutation && r.Verb is "observe" or "list"))
            Faults.Violate($"{verb} sent {request.Method} {request.Uri.AbsolutePath}, which changes something (DC-20).");
    }

    private void CheckProgress(Progress? progress)
    {
        if (progress is null)
            return;
        if (progress.LookAgainAfter <= TimeSpan.Zero)
            Faults.Violate($"LookAgainAfter isn't positive: {Show.Of(progress)} (DC-82).");
        if (progress.Handle is { } handle && (string.IsNullOrEmpty(handle.Data) || handle.Data.Length > 1024))
            Faults.Violate($"A handle has {handle.Data?.Length ?? 0} characters, not 1 to 1024 (DC-80).");
    }

    private void CheckStep(Step? step, ResourceSpec? desired)
    {
        if (step is null)
            return;
        if (step.Part.Length is 0 or > 40 || step.Part.Any(c => c is not ((>= 'a' and <= 'z') or (>= '0' and <= '9') or '-')))
            Faults.Violate($"The step's part '{step.Part}' isn't 1 to 40 of [a-z0-9-] (DC-32).");
        if (!Enum.IsDefined(step.Verb) || step.Verb == StepVerb.Unknown)
            Faults.Violate($"The step {step.Part} has no verb (DC-26).");
        if (desired is null != (step.Verb == StepVerb.Delete))
            Faults.Violate($"With desired {(desired is null ? "null" : "set")} the next step is {step.Verb} {step.Part} (DC-26, DC-27).");
    }

    private void CheckParts(ImmutableArray<Part> parts)
    {
        foreach (var part in parts)
            if (string.IsNullOrEmpty(part.Name) || string.IsNullOrEmpty(part.Id))
                Faults.Violate($"A part has no name or no id: {Show.Of(parts)} (DC-23, DC-36).");
        if (parts.Select(p => p.Name).Distinct().Count() != parts.Length)
            Faults.Violate($"Two parts have one name: {Show.Of(parts)} (DC-23).");
    }

    /// <summary>Everything that holds after every case: sessions end, nothing leaks, nothing was broken on the way.</summary>
    public async Task FinishAsync()
    {
        Host.Collect();
        if (World is ICensus census && (_sessions.Count > 0))
            foreach (var item in await census.CountAsync())
                Host.Output.Add("platform object", $"{item.Id} {item.Labels}");
        foreach (var request in Faults.Requests)
            Host.Output.Add("request line", request.Uri.OriginalString + " " + request.Uri.AbsoluteUri);
        foreach (var session in _sessions)
            await session.DisposeAsync();
        Expect(!Host.HandlerWasDisposed, "The driver disposed the host's HTTP handler (DC-8).");
        foreach (var (where, text) in Host.Output.Entries)
            if (_leaks.Find(text) is { } leaked)
                throw new CaseFailedException($"A secret got out: {leaked} in {where} (DC-84).");
        Expect(Faults.Violations.IsEmpty, string.Join(Environment.NewLine, Faults.Violations.Distinct()));
    }

    /// <summary>What is wrong beside the reason for which a case failed; empty when nothing is.</summary>
    public async Task<string> AlsoWrongAsync()
    {
        try
        {
            Faults.Disarm();
            await FinishAsync();
            return "";
        }
        catch (CaseFailedException e)
        {
            return Environment.NewLine + "Besides: " + e.Message;
        }
        catch (Exception e)
        {
            return Environment.NewLine + $"Besides: the final checks ended with {e.GetType().Name}: {e.Message}";
        }
    }

    public async ValueTask DisposeAsync()
    {
        Faults.Disarm();
        foreach (var session in _sessions)
            await session.DisposeAsync();
        Host.Dispose();
    }
}
