namespace Datum.Providers.Conformance;

/// <summary>One open session. Every call goes through here: counted, bounded, its result kept for the leak check and checked for what holds of every answer.</summary>
internal sealed class Session : IAsyncDisposable
{
    private readonly CaseRun _run;
    private readonly ImmutableArray<KindVerbs> _kinds;
    private bool _disposed;

    public Session(CaseRun run, IInfrastructureDriver driver)
    {
        _run = run;
        Driver = driver;
        var kinds = ImmutableArray.CreateBuilder<KindVerbs>();
        Add(ResourceKind.Network, driver.Networks);
        Add(ResourceKind.Subnet, driver.Subnets);
        Add(ResourceKind.Firewall, driver.Firewalls);
        Add(ResourceKind.Address, driver.Addresses);
        Add(ResourceKind.Disk, driver.Disks);
        Add(ResourceKind.Secret, driver.Secrets);
        Add(ResourceKind.Instance, driver.Instances);
        _kinds = kinds.ToImmutable();

        void Add<TSpec, TFacts>(ResourceKind kind, IResourceDriver<TSpec, TFacts>? verbs) where TSpec : ResourceSpec where TFacts : ResourceFacts
        {
            if (verbs is not null)
                kinds.Add(new KindVerbs<TSpec, TFacts>(run, kind, verbs));
        }
    }

    /// <summary>The driver itself, for abilities.</summary>
    public IInfrastructureDriver Driver { get; }

    /// <summary>Kinds that aren't null.</summary>
    public ImmutableArray<ResourceKind> Kinds => [.. _kinds.Select(k => k.Kind)];

    public KindVerbs Of(ResourceKind kind) => _kinds.FirstOrDefault(k => k.Kind == kind)
        ?? throw new CaseFailedException($"The session has no verbs for {kind}, which the descriptor announces (DC-1).");

    public async Task<Answer<AccountFacts>> ProbeAsync()
    {
        var answer = await _run.CallAsync("probe", null, call => Driver.ProbeAsync(call), TimedOut);
        _run.Host.Output.Add("probe", answer.Error is { } e ? Show.Of(e) : Show.Json(answer.Value!));
        _run.CheckError(answer.Error);
        return answer;

        static Answer<AccountFacts> TimedOut(DriverError error) => error;
    }

    public async ValueTask DisposeAsync()
    {
        if (_disposed)
            return;
        _disposed = true;
        _run.Host.Calls.Count("dispose");
        try
        {
            await Driver.DisposeAsync().AsTask().WaitAsync(_run.Patience);
        }
        catch (Exception e)
        {
            _run.Host.Faults.Violate($"DisposeAsync failed: {e.GetType().Name}: {e.Message} (DC-7).");
        }
    }
}

/// <summary>The verbs of one kind without type parameters.</summary>
internal abstract class KindVerbs(ResourceKind kind)
{
    public ResourceKind Kind { get; } = kind;

    /// <summary>The driver's own object, for abilities of a kind.</summary>
    public abstract object Verbs { get; }

    public abstract Task<ImmutableArray<Finding>> ValidateAsync(ResourceSpec desired);

    public abstract Task<Seen> ObserveAsync(Identity id, ResourceSpec? desired, Handle? handle = null);

    public abstract Task<StepResult> CreateAsync(Step step, string token, Identity id, ResourceSpec desired);

    public abstract Task<StepResult> UpdateAsync(Step step, string token, Identity id, ResourceSpec desired);

    public abstract Task<StepResult> DeleteAsync(Step step, string token, Identity id);

    public abstract Task<Page> ListAsync(ListQuery query, string? cursor = null);

    /// <summary>Whether the verbs implement adoption.</summary>
    public abstract bool Adopts { get; }

    public abstract Task<Inspected> InspectAsync(Identity id, string providerId);

    public abstract Task<StepResult> AdoptAsync(string token, Identity id, string providerId);

    public abstract Task<StepResult> ReleaseAsync(string token, Identity id);
}

internal sealed class KindVerbs<TSpec, TFacts>(CaseRun run, ResourceKind kind, IResourceDriver<TSpec, TFacts> verbs) : KindVerbs(kind)
    where TSpec : ResourceSpec
    where TFacts : ResourceFacts
{
    public override object Verbs => verbs;

    public override bool Adopts => verbs is IAdoption<TFacts>;

    public override async Task<ImmutableArray<Finding>> ValidateAsync(ResourceSpec desired)
    {
        var findings = await run.CallAsync("validate", desired, call => verbs.ValidateAsync(call, (TSpec)desired), Timeout<ImmutableArray<Finding>>);
        if (findings.IsDefault)
            throw new CaseFailedException("ValidateAsync returned a default array; absent reads as empty (DC-95).");
        foreach (var finding in findings)
            run.Host.Output.Add("finding", Show.Of(finding));
        return findings;
    }

    public override async Task<Seen> ObserveAsync(Identity id, ResourceSpec? desired, Handle? handle = null)
    {
        var before = run.Host.Faults.Requests.Length;
        var seen = Seen.Of(await run.CallAsync("observe", desired, call => verbs.ObserveAsync(call, id, (TSpec?)desired, handle), e => (Answer<Observation<TFacts>>)e));
        run.Host.Output.Add("observe", seen.ToString());
        run.CheckSeen(seen, desired);
        run.CheckReadsOnly("ObserveAsync", before);
        return seen;
    }

    public override Task<StepResult> CreateAsync(Step step, string token, Identity id, ResourceSpec desired) =>
        StepAsync("create", desired, call => verbs.CreateAsync(Operation(call, step, token), id, (TSpec)desired));

    public override Task<StepResult> UpdateAsync(Step step, string token, Identity id, ResourceSpec desired) =>
        StepAsync("update", desired, call => verbs.UpdateAsync(Operation(call, step, token), id, (TSpec)desired));

    public override Task<StepResult> DeleteAsync(Step step, string token, Identity id) =>
        StepAsync("delete", null, call => verbs.DeleteAsync(Operation(call, step, token), id));

    public override async Task<Page> ListAsync(ListQuery query, string? cursor = null)
    {
        var before = run.Host.Faults.Requests.Length;
        var answer = await run.CallAsync("list", null, call => verbs.ListAsync(call, query, cursor), e => (Answer<ListPage<TFacts>>)e);
        var page = answer.Value is not { } value ? new Page { Error = answer.Error } : new Page
        {
            Items = [.. value.Items.Select(i => new PageItem { Name = i.Name, Incarnation = i.Incarnation, Parts = i.Parts, State = i.State, Facts = i.Facts, Revision = i.Revision, CreatedAt = i.CreatedAt })],
            Next = value.Next,
            Complete = value.Complete,
        };
        run.Host.Output.Add("list", page.ToString());
        run.CheckError(page.Error);
        run.CheckReadsOnly("ListAsync", before);
        return page;
    }

    public override async Task<Inspected> InspectAsync(Identity id, string providerId)
    {
        var before = run.Host.Faults.Mutations;
        var answer = await run.CallAsync("inspect", null, call => Adoption.InspectAsync(call, id, providerId), e => (Answer<Candidate<TFacts>>)e);
        var found = answer.Value is not { } value ? new Inspected { Error = answer.Error }
            : new Inspected { Parts = value.Parts, Mark = value.Mark, Owner = value.Owner, State = value.State, Facts = value.Facts };
        run.Host.Output.Add("inspect", found.ToString());
        run.CheckError(found.Error);
        if (run.Host.Faults.Mutations != before)
            run.Faults.Violate("InspectAsync sent a request that changes something (DC-108).");
        return found;
    }

    public override Task<StepResult> AdoptAsync(string token, Identity id, string providerId) =>
        StepAsync("adopt", null, call => Adoption.AdoptAsync(Operation(call, new Step { Part = "adopt", Verb = StepVerb.Update, Class = CreateClass.Repeatable }, token), id, providerId));

    public override Task<StepResult> ReleaseAsync(string token, Identity id) =>
        StepAsync("release", null, call => Adoption.ReleaseAsync(Operation(call, new Step { Part = "release", Verb = StepVerb.Update, Class = CreateClass.Repeatable }, token), id));

    private IAdoption<TFacts> Adoption => verbs as IAdoption<TFacts> ?? throw new CaseFailedException($"{Kind}: Adoptable is announced, but the verbs don't implement IAdoption (DC-100).");

    private async Task<StepResult> StepAsync(string verb, ResourceSpec? desired, Func<Call, ValueTask<Outcome<TFacts>>> work)
    {
        var result = StepResult.Of(await run.CallAsync(verb, desired, work, e => new Failed<TFacts> { Error = e }));
        run.Host.Output.Add(verb, result.ToString());
        run.CheckResult(result, desired);
        return result;
    }

    private static Operation Operation(Call call, Step step, string token) => new() { Call = call, Step = step, Token = token };

    private static T Timeout<T>(DriverError error) => throw new CaseFailedException($"ValidateAsync ended by cancellation: {error.Message}");
}
