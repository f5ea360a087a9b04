using Datum.Providers.Engine.Sessions;

namespace Datum.Providers.Engine.Policies;

/// <summary>Opens sessions that read and refuse every mutation: what a plan works with.</summary>
public sealed class ReadOnlyConnector(IDriverConnector inner) : IDriverConnector
{
    public DriverDescriptor? Find(string driverId) => inner.Find(driverId);

    public DriverDescriptor? FindByLocationKey(string key) => inner.FindByLocationKey(key);

    public string WhyMissing(string driverIdOrKey) => inner.WhyMissing(driverIdOrKey);

    public async ValueTask<IInfrastructureDriver> ConnectAsync(SessionRequest request, CancellationToken cancellation) =>
        new ReadOnlyDriver(await inner.ConnectAsync(request, cancellation).ConfigureAwait(false));
}

/// <summary>A session whose verbs of building, changing and taking down are refused before they reach the driver.</summary>
internal sealed class ReadOnlyDriver(IInfrastructureDriver inner) : IInfrastructureDriver
{
    public IResourceDriver<NetworkSpec, NetworkFacts>? Networks { get; } = Of(inner.Networks);
    public IResourceDriver<SubnetSpec, SubnetFacts>? Subnets { get; } = Of(inner.Subnets);
    public IResourceDriver<FirewallSpec, FirewallFacts>? Firewalls { get; } = Of(inner.Firewalls);
    public IResourceDriver<AddressSpec, AddressFacts>? Addresses { get; } = Of(inner.Addresses);
    public IResourceDriver<DiskSpec, DiskFacts>? Disks { get; } = Of(inner.Disks);
    public IResourceDriver<SecretSpec, SecretFacts>? Secrets { get; } = Of(inner.Secrets);
    public IResourceDriver<InstanceSpec, InstanceFacts>? Instances { get; } = Of(inner.Instances);

    public ValueTask<Answer<AccountFacts>> ProbeAsync(Call call) => inner.ProbeAsync(call);

    public ValueTask DisposeAsync() => inner.DisposeAsync();

    private static ReadOnlyVerbs<TSpec, TFacts>? Of<TSpec, TFacts>(IResourceDriver<TSpec, TFacts>? verbs) where TSpec : ResourceSpec where TFacts : ResourceFacts =>
        verbs is null ? null : verbs is IAdoption<TFacts> adoption ? new ReadOnlyAdoption<TSpec, TFacts>(verbs, adoption) : new ReadOnlyVerbs<TSpec, TFacts>(verbs);

    private class ReadOnlyVerbs<TSpec, TFacts>(IResourceDriver<TSpec, TFacts> inner) : IResourceDriver<TSpec, TFacts> where TSpec : ResourceSpec where TFacts : ResourceFacts
    {
        public ValueTask<ImmutableArray<Finding>> ValidateAsync(Call call, TSpec desired) => inner.ValidateAsync(call, desired);

        public ValueTask<Answer<Observation<TFacts>>> ObserveAsync(Call call, Identity id, TSpec? desired, Handle? handle) => inner.ObserveAsync(call, id, desired, handle);

        public ValueTask<Answer<ListPage<TFacts>>> ListAsync(Call call, ListQuery query, string? cursor) => inner.ListAsync(call, query, cursor);

        public ValueTask<Outcome<TFacts>> CreateAsync(Operation operation, Identity id, TSpec desired) => Refused<TFacts>();

        public ValueTask<Outcome<TFacts>> UpdateAsync(Operation operation, Identity id, TSpec desired) => Refused<TFacts>();

        public ValueTask<Outcome<TFacts>> DeleteAsync(Operation operation, Identity id) => Refused<TFacts>();
    }

    private sealed class ReadOnlyAdoption<TSpec, TFacts>(IResourceDriver<TSpec, TFacts> inner, IAdoption<TFacts> adoption) : ReadOnlyVerbs<TSpec, TFacts>(inner), IAdoption<TFacts>
        where TSpec : ResourceSpec where TFacts : ResourceFacts
    {
        public ValueTask<Answer<Candidate<TFacts>>> InspectAsync(Call call, Identity id, string providerId) => adoption.InspectAsync(call, id, providerId);

        public ValueTask<Outcome<TFacts>> AdoptAsync(Operation operation, Identity id, string providerId) => Refused<TFacts>();

        public ValueTask<Outcome<TFacts>> ReleaseAsync(Operation operation, Identity id) => Refused<TFacts>();
    }

    private static ValueTask<Outcome<TFacts>> Refused<TFacts>() where TFacts : ResourceFacts => new(new Failed<TFacts>
    {
        Error = new DriverError { Code = ErrorCode.Unsupported, Effect = Effect.NotApplied, Message = "This session only reads: nothing is changed at the platform." },
    });
}
