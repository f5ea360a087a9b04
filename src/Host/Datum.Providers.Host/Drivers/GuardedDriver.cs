using System.Runtime.InteropServices;

namespace Datum.Providers.Host.Drivers;

/// <summary>
/// A session as the engine sees it: every call ends by its deadline, nothing is thrown that isn't ours, and every answer keeps the contract
/// (law L9). The authors of drivers write none of this. A cast to an optional ability succeeds exactly when the session has it and its
/// descriptor announces it (DC-100).
/// </summary>
public sealed class GuardedDriver : IInfrastructureDriver, IDynamicInterfaceCastable
{
    private static readonly GuardedVerb<(IInfrastructureDriver Inner, Call Call), Answer<AccountFacts>, Answer<AccountFacts>> s_probe = new(nameof(ProbeAsync),
        static a => a.Inner.ProbeAsync(a.Call),
        static (guard, _, answer) => guard.Checked(nameof(ProbeAsync), answer, answer.Fault == GuardFault.Unknown ? ResultRules.Fault(answer.Value) : null));

    private readonly IInfrastructureDriver _inner;
    private readonly GuardedCall _guard;
    private readonly GuardOptions _options;
    private readonly GuardedPort<(IInfrastructureDriver Inner, Call Call), Answer<AccountFacts>, Answer<AccountFacts>> _probe;
    private readonly HashSet<ResourceKind> _implementAdoption = [];
    private IDisposable? _lent;

    private GuardedDriver(IInfrastructureDriver inner, GuardOptions options, IReadOnlyCollection<Ability> abilities, IReadOnlyCollection<ResourceKind> adoptable)
    {
        _inner = inner;
        _options = options;
        _guard = new GuardedCall(options);
        _probe = new(_guard, s_probe);
        // Read once: a property that answers differently later would change which kinds exist under a running engine.
        Networks = Guard(ResourceKind.Network, inner.Networks, adoptable);
        Subnets = Guard(ResourceKind.Subnet, inner.Subnets, adoptable);
        Firewalls = Guard(ResourceKind.Firewall, inner.Firewalls, adoptable);
        Addresses = Guard(ResourceKind.Address, inner.Addresses, adoptable);
        Disks = Guard(ResourceKind.Disk, inner.Disks, adoptable);
        Secrets = Guard(ResourceKind.Secret, inner.Secrets, adoptable);
        Instances = Guard(ResourceKind.Instance, inner.Instances, adoptable);
        Abilities = new GuardedAbilities(inner, abilities, _guard);
    }

    public IResourceDriver<NetworkSpec, NetworkFacts>? Networks { get; }

    public IResourceDriver<SubnetSpec, SubnetFacts>? Subnets { get; }

    public IResourceDriver<FirewallSpec, FirewallFacts>? Firewalls { get; }

    public IResourceDriver<AddressSpec, AddressFacts>? Addresses { get; }

    public IResourceDriver<DiskSpec, DiskFacts>? Disks { get; }

    public IResourceDriver<SecretSpec, SecretFacts>? Secrets { get; }

    public IResourceDriver<InstanceSpec, InstanceFacts>? Instances { get; }

    internal GuardedAbilities Abilities { get; }

    /// <summary>Kinds whose verbs implement <see cref="IAdoption{TFacts}"/>, announced or not.</summary>
    internal IReadOnlySet<ResourceKind> ImplementAdoption => _implementAdoption;

    /// <summary>
    /// Guards a session; one that is guarded already is returned as it is, so that nothing is ever guarded twice. Of its abilities only
    /// <paramref name="abilities"/> can be reached, and adoption only for the kinds in <paramref name="adoptable"/>.
    /// </summary>
    public static GuardedDriver Wrap(IInfrastructureDriver driver, GuardOptions options, IReadOnlyCollection<Ability>? abilities = null, IReadOnlyCollection<ResourceKind>? adoptable = null) =>
        driver as GuardedDriver ?? new GuardedDriver(driver, options, abilities ?? [], adoptable ?? []);

    public ValueTask<Answer<AccountFacts>> ProbeAsync(Call call) => _probe.CallAsync((_inner, call), CallLimit.Of(call));

    public async ValueTask DisposeAsync()
    {
        try
        {
            await _guard.RunAsync(nameof(DisposeAsync), new CallLimit(_guard.Now + _options.DisposeTimeout, CancellationToken.None), async () =>
            {
                await _inner.DisposeAsync();
                return true;
            });
        }
        finally
        {
            Interlocked.Exchange(ref _lent, null)?.Dispose();
        }
    }

    bool IDynamicInterfaceCastable.IsInterfaceImplemented(RuntimeTypeHandle interfaceType, bool throwIfNotImplemented) =>
        Abilities.Forward(interfaceType) is not null
        || (throwIfNotImplemented ? throw new InvalidCastException($"The session of driver {_options.DriverId} has no {Type.GetTypeFromHandle(interfaceType)?.Name}: ask its descriptor first.") : false);

    RuntimeTypeHandle IDynamicInterfaceCastable.GetInterfaceImplementation(RuntimeTypeHandle interfaceType) =>
        Abilities.Forward(interfaceType) ?? throw new InvalidCastException($"The session of driver {_options.DriverId} has no {Type.GetTypeFromHandle(interfaceType)?.Name}.");

    /// <summary>Takes what the host lent to the session: it is disposed after the session.</summary>
    internal void Own(IDisposable lent) => _lent = lent;

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

    private GuardedResource<TSpec, TFacts>? Guard<TSpec, TFacts>(ResourceKind kind, IResourceDriver<TSpec, TFacts>? inner, IReadOnlyCollection<ResourceKind> adoptable)
        where TSpec : ResourceSpec where TFacts : ResourceFacts
    {
        if (inner is not IAdoption<TFacts> adoption)
            return inner is null ? null : new GuardedResource<TSpec, TFacts>(inner, _guard);
        _implementAdoption.Add(kind);
        return adoptable.Contains(kind) ? new GuardedAdoptableResource<TSpec, TFacts>(inner, adoption, _guard) : new GuardedResource<TSpec, TFacts>(inner, _guard);
    }
}
