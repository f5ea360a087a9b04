namespace Datum.Providers.Faults.Tests.Bugs;

/// <summary>A session whose answers are read wrongly on their way to the engine.</summary>
internal sealed class WrongDriver(IInfrastructureDriver inner) : IInfrastructureDriver
{
    /// <summary>Errors of creates.</summary>
    public Func<DriverError, DriverError> CreateError { get; init; } = static e => e;

    /// <summary>A 404 is taken for a tombstone.</summary>
    public bool AbsentIsTerminal { get; init; }

    /// <summary>The recorded ids are left away: things are found by name and mark alone.</summary>
    public bool ForgetsIds { get; init; }

    /// <summary>A listing that leaves something out counts as whole.</summary>
    public bool ListsAreComplete { get; init; }

    /// <summary>An object that another owner holds is taken from it.</summary>
    public bool TakesFromOwners { get; init; }

    /// <summary>A session stays open when it is replaced.</summary>
    public bool NeverCloses { get; init; }

    /// <summary>The account is this one, whatever the platform says.</summary>
    public string? Account { get; init; }

    public async ValueTask<Answer<AccountFacts>> ProbeAsync(Call call)
    {
        var answer = await inner.ProbeAsync(call);
        return Account is not null && answer.Value is { } facts ? facts with { AccountId = Account } : answer;
    }

    public IResourceDriver<NetworkSpec, NetworkFacts>? Networks => Of(inner.Networks);

    public IResourceDriver<SubnetSpec, SubnetFacts>? Subnets => Of(inner.Subnets);

    public IResourceDriver<FirewallSpec, FirewallFacts>? Firewalls => Of(inner.Firewalls);

    public IResourceDriver<DiskSpec, DiskFacts>? Disks => Of(inner.Disks);

    public IResourceDriver<SecretSpec, SecretFacts>? Secrets => Of(inner.Secrets);

    public IResourceDriver<InstanceSpec, InstanceFacts>? Instances => Of(inner.Instances);

    public ValueTask DisposeAsync() => NeverCloses ? ValueTask.CompletedTask : inner.DisposeAsync();

    private Verbs<TSpec, TFacts>? Of<TSpec, TFacts>(IResourceDriver<TSpec, TFacts>? verbs) where TSpec : ResourceSpec where TFacts : ResourceFacts =>
        verbs is null ? null : new(this, verbs);

    private sealed class Verbs<TSpec, TFacts>(WrongDriver wrong, IResourceDriver<TSpec, TFacts> verbs) : IResourceDriver<TSpec, TFacts>, IAdoption<TFacts>
        where TSpec : ResourceSpec where TFacts : ResourceFacts
    {
        public ValueTask<ImmutableArray<Finding>> ValidateAsync(Call call, TSpec desired) => verbs.ValidateAsync(call, desired);

        public async ValueTask<Answer<Observation<TFacts>>> ObserveAsync(Call call, Identity id, TSpec? desired, Handle? handle)
        {
            var answer = await verbs.ObserveAsync(call, Of(id), desired, handle);
            return answer.Value is Absent<TFacts> absent && wrong.AbsentIsTerminal ? absent with { Terminal = true } : answer;
        }

        public async ValueTask<Outcome<TFacts>> CreateAsync(Operation operation, Identity id, TSpec desired)
        {
            var outcome = await verbs.CreateAsync(operation, id, desired);
            return outcome is Failed<TFacts> failed ? failed with { Error = wrong.CreateError(failed.Error) } : outcome;
        }

        public ValueTask<Outcome<TFacts>> UpdateAsync(Operation operation, Identity id, TSpec desired) => verbs.UpdateAsync(operation, id, desired);

        public ValueTask<Outcome<TFacts>> DeleteAsync(Operation operation, Identity id) => verbs.DeleteAsync(operation, Of(id));

        public async ValueTask<Answer<ListPage<TFacts>>> ListAsync(Call call, ListQuery query, string? cursor)
        {
            var answer = await verbs.ListAsync(call, query, cursor);
            return answer.Value is { } page && wrong.ListsAreComplete ? page with { Complete = true } : answer;
        }

        public ValueTask<Answer<Candidate<TFacts>>> InspectAsync(Call call, Identity id, string providerId) => ((IAdoption<TFacts>)verbs).InspectAsync(call, id, providerId);

        public async ValueTask<Outcome<TFacts>> AdoptAsync(Operation operation, Identity id, string providerId)
        {
            var adoption = (IAdoption<TFacts>)verbs;
            if (wrong.TakesFromOwners && (await adoption.InspectAsync(operation.Call, id, providerId)).Value is { Mark: MarkState.Foreign, Owner: { } owner } taken)
            {
                var holder = owner.Split('/', '-');
                await adoption.ReleaseAsync(new Operation { Call = operation.Call, Token = operation.Token, Step = operation.Step with { Part = "release" } },
                    id with { Installation = holder[0], Name = holder[^1], Parts = taken.Parts });
            }
            return await adoption.AdoptAsync(operation, id, providerId);
        }

        public ValueTask<Outcome<TFacts>> ReleaseAsync(Operation operation, Identity id) => ((IAdoption<TFacts>)verbs).ReleaseAsync(operation, id);

        private Identity Of(Identity id) => wrong.ForgetsIds ? id with { Parts = [] } : id;
    }
}
