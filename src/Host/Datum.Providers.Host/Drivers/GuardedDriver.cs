namespace Datum.Providers.Host.Drivers;

/// <summary>
/// A session as the engine sees it: every call ends by its deadline, nothing is thrown that isn't ours, and every answer keeps the contract
/// (law L9). The authors of drivers write none of this.
/// </summary>
public sealed class GuardedDriver : IInfrastructureDriver, IChangeFeed
{
    private readonly IInfrastructureDriver _inner;
    private readonly GuardedCall _guard;
    private readonly GuardOptions _options;
    private readonly GuardedChangeFeed? _changes;

    private GuardedDriver(IInfrastructureDriver inner, GuardOptions options)
    {
        _inner = inner;
        _options = options;
        _guard = new GuardedCall(options);
        // Read once: a property that answers differently later would change which kinds exist under a running engine.
        Networks = Guard(inner.Networks);
        Subnets = Guard(inner.Subnets);
        Firewalls = Guard(inner.Firewalls);
        Addresses = Guard(inner.Addresses);
        Disks = Guard(inner.Disks);
        Secrets = Guard(inner.Secrets);
        Instances = Guard(inner.Instances);
        _changes = inner is IChangeFeed changes ? new GuardedChangeFeed(changes, _guard) : null;
    }

    public IResourceDriver<NetworkSpec, NetworkFacts>? Networks { get; }

    public IResourceDriver<SubnetSpec, SubnetFacts>? Subnets { get; }

    public IResourceDriver<FirewallSpec, FirewallFacts>? Firewalls { get; }

    public IResourceDriver<AddressSpec, AddressFacts>? Addresses { get; }

    public IResourceDriver<DiskSpec, DiskFacts>? Disks { get; }

    public IResourceDriver<SecretSpec, SecretFacts>? Secrets { get; }

    public IResourceDriver<InstanceSpec, InstanceFacts>? Instances { get; }

    /// <summary>Throws <see cref="InvalidOperationException"/> where the driver has no feed: ask its descriptor first.</summary>
    public IAsyncEnumerable<Change> WatchAsync(Call call) => (_changes ?? throw new InvalidOperationException($"Driver {_options.DriverId} has no change feed.")).WatchAsync(call);

    /// <summary>Guards a session; one that is guarded already is returned as it is, so that nothing is ever guarded twice.</summary>
    public static GuardedDriver Wrap(IInfrastructureDriver driver, GuardOptions options) =>
        driver as GuardedDriver ?? new GuardedDriver(driver, options);

    public async ValueTask<Answer<AccountFacts>> ProbeAsync(Call call)
    {
        var result = await _guard.RunAsync(nameof(ProbeAsync), CallLimit.Of(call), () => _inner.ProbeAsync(call).AsTask());
        return _guard.Checked(nameof(ProbeAsync), result, ResultRules.Fault);
    }

    public async ValueTask DisposeAsync() =>
        await _guard.RunAsync(nameof(DisposeAsync), new CallLimit(_options.Scheduler.Time.GetUtcNow() + _options.DisposeTimeout, CancellationToken.None), async () =>
        {
            await _inner.DisposeAsync();
            return true;
        });

    /// <summary>The kinds that the session has.</summary>
    internal IEnumerable<ResourceKind> Kinds()
    {
        if (Networks is not null)
            yield return ResourceKind.Network;
        if (Subnets is not null)
            yield return ResourceKind.Subnet;
        if (Firewalls is not null)
            yield return ResourceKind.Firewall;
        if (Addresses is not null)
            yield return ResourceKind.Address;
        if (Disks is not null)
            yield return ResourceKind.Disk;
        if (Secrets is not null)
            yield return ResourceKind.Secret;
        if (Instances is not null)
            yield return ResourceKind.Instance;
    }

    private GuardedResource<TSpec, TFacts>? Guard<TSpec, TFacts>(IResourceDriver<TSpec, TFacts>? inner) where TSpec : ResourceSpec where TFacts : ResourceFacts =>
        inner is null ? null : new GuardedResource<TSpec, TFacts>(inner, _guard);
}
