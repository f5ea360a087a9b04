namespace Datum.Providers.Faults.Tests.Bugs;

/// <summary>A session whose answers are read wrongly on their way to the engine.</summary>
internal sealed class WrongDriver(IInfrastructureDriver inner) : IInfrastructureDriver
{
    /// <summary>Errors of creates.</summary>
    public Func<DriverError, DriverError> CreateError { get; init; } = static e => e;

    /// <summary>A 404 is taken for a tombstone.</summary>
    public bool AbsentIsTerminal { get; init; }

    /// <summary>Parts that a failed or running step tells are left away.</summary>
    public bool ForgetsParts { get; init; }

    /// <summary>An operation that runs is taken for one that is over.</summary>
    public bool IgnoresProgress { get; init; }

    public ValueTask<Answer<AccountFacts>> ProbeAsync(Call call) => inner.ProbeAsync(call);

    public IResourceDriver<NetworkSpec, NetworkFacts>? Networks => Of(inner.Networks);

    public IResourceDriver<SubnetSpec, SubnetFacts>? Subnets => Of(inner.Subnets);

    public IResourceDriver<FirewallSpec, FirewallFacts>? Firewalls => Of(inner.Firewalls);

    public IResourceDriver<DiskSpec, DiskFacts>? Disks => Of(inner.Disks);

    public IResourceDriver<SecretSpec, SecretFacts>? Secrets => Of(inner.Secrets);

    public IResourceDriver<InstanceSpec, InstanceFacts>? Instances => Of(inner.Instances);

    public ValueTask DisposeAsync() => inner.DisposeAsync();

    private Verbs<TSpec, TFacts>? Of<TSpec, TFacts>(IResourceDriver<TSpec, TFacts>? verbs) where TSpec : ResourceSpec where TFacts : ResourceFacts =>
        verbs is null ? null : new(this, verbs);

    private sealed class Verbs<TSpec, TFacts>(WrongDriver wrong, IResourceDriver<TSpec, TFacts> verbs) : IResourceDriver<TSpec, TFacts>
        where TSpec : ResourceSpec where TFacts : ResourceFacts
    {
        public ValueTask<ImmutableArray<Finding>> ValidateAsync(Call call, TSpec desired) => verbs.ValidateAsync(call, desired);

        public async ValueTask<Answer<Observation<TFacts>>> ObserveAsync(Call call, Identity id, TSpec? desired, Handle? handle)
        {
            var answer = await verbs.ObserveAsync(call, id, desired, handle);
            if (answer.Value is { InProgress: not null } busy && wrong.IgnoresProgress)
                return busy with { InProgress = null };
            return answer.Value is Absent<TFacts> absent && wrong.AbsentIsTerminal ? absent with { Terminal = true } : answer;
        }

        public async ValueTask<Outcome<TFacts>> CreateAsync(Operation operation, Identity id, TSpec desired)
        {
            var outcome = await verbs.CreateAsync(operation, id, desired);
            if (outcome is not Done<TFacts> && wrong.ForgetsParts)
                outcome = outcome with { Parts = [] };
            return outcome is Failed<TFacts> failed ? failed with { Error = wrong.CreateError(failed.Error) } : outcome;
        }

        public ValueTask<Outcome<TFacts>> UpdateAsync(Operation operation, Identity id, TSpec desired) => verbs.UpdateAsync(operation, id, desired);

        public ValueTask<Outcome<TFacts>> DeleteAsync(Operation operation, Identity id) => verbs.DeleteAsync(operation, id);

        public ValueTask<Answer<ListPage<TFacts>>> ListAsync(Call call, ListQuery query, string? cursor) => verbs.ListAsync(call, query, cursor);
    }
}
