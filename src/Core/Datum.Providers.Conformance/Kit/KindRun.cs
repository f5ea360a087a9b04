namespace Datum.Providers.Conformance;

/// <summary>The run of a case for one kind.</summary>
internal sealed class KindRun(CaseRun run, ResourceKind kind)
{
    public CaseRun Run => run;

    public ResourceKind Kind => kind;

    public ConformanceWorld World => run.World;

    public FaultPlan Faults => run.Faults;

    public KindDescriptor Descriptor => run.KindOf(kind);

    public Sample Sample => run.World.SampleOf(kind) ?? throw new NotApplicableException($"The world has no sample of {kind}.");

    /// <summary>The kind's verbs in the current session.</summary>
    public async Task<KindVerbs> VerbsAsync() => (await run.SessionAsync()).Of(kind);

    /// <summary>A resource of which nothing is built yet; what it needs is.</summary>
    public Task<Resource> PrepareAsync() => run.PrepareAsync(kind);

    /// <summary>A resource that is built and at rest.</summary>
    public async Task<Resource> BuiltAsync() => await HostLoop.BuildAsync(run, await PrepareAsync());

    public Task<Resource> BuildAsync(Resource resource, LoopHooks? hooks = null) => HostLoop.BuildAsync(run, resource, hooks);

    public Task TakeDownAsync(Resource resource, LoopHooks? hooks = null) => HostLoop.TakeDownAsync(run, resource, hooks);

    public async Task<Seen> ObserveAsync(Resource resource, bool desired = true) =>
        await (await VerbsAsync()).ObserveAsync(resource.Identity, desired ? resource.Spec : null, resource.Handle);

    /// <summary>What the platform holds of an identity, counted without the driver.</summary>
    public async Task<ImmutableArray<CensusObject>> CountAsync(Resource resource) =>
        [.. (await run.Need<ICensus>().CountAsync()).Where(o => o.IdentityName == resource.Identity.Name)];

    /// <summary>L1 and L2: every recorded part is exactly one object, and there is no other.</summary>
    public async Task ExpectExactlyRecordedAsync(Resource resource, string when)
    {
        var there = await CountAsync(resource);
        var recorded = resource.Identity.Parts.Select(p => p.Id).ToHashSet(StringComparer.Ordinal);
        var unknown = there.Where(o => !o.Attached && !recorded.Contains(o.Id)).Select(o => o.Id).ToList();
        var missing = recorded.Where(r => there.All(o => o.Id != r)).ToList();
        Expect(unknown.Count == 0, $"{when} the platform holds objects that nobody recorded: {string.Join(", ", unknown)} besides {Show.Of(resource.Identity.Parts)} (L1, L2).");
        Expect(missing.Count == 0, $"{when} recorded parts aren't there or carry no mark: {string.Join(", ", missing)} (L2, DC-55).");
    }

    public static void Expect(bool holds, string otherwise) => CaseRun.Expect(holds, otherwise);
}
