namespace Datum.Providers;

/// <summary>
/// One session with one platform account: what <see cref="IDriverFactory.ConnectAsync"/> returns. A kind that the platform
/// doesn't have is null. The host disposes the session after its last call has ended; nothing of it may run on.
/// </summary>
/// <remarks>
/// Rules DC-1 to DC-9 of docs/driver-contract.md. Optional abilities (<see cref="IPowerControl"/>, <see cref="IConsoleLog"/>, <see cref="IImageCatalog"/>,
/// <see cref="IOfferings"/>, <see cref="IQuotas"/>, <see cref="IChangeFeed"/>, <see cref="IUsageReader"/>) are interfaces that the same object implements and
/// <see cref="DriverDescriptor.Abilities"/> announces; <see cref="IAdoption{TFacts}"/> is one of a kind's verbs.
/// </remarks>
public interface IInfrastructureDriver : IAsyncDisposable
{
    /// <summary>Proves that the account can be reached and says which one it is.</summary>
    ValueTask<Answer<AccountFacts>> ProbeAsync(Call call);

    /// <summary>Networks, or null.</summary>
    IResourceDriver<NetworkSpec, NetworkFacts>? Networks => null;

    /// <summary>Subnets, or null; <see cref="Capabilities.Subnets"/> says what then takes their place.</summary>
    IResourceDriver<SubnetSpec, SubnetFacts>? Subnets => null;

    /// <summary>Firewalls that are objects of their own, or null; <see cref="Capabilities.Firewall"/> says what then takes their place.</summary>
    IResourceDriver<FirewallSpec, FirewallFacts>? Firewalls => null;

    /// <summary>Reserved addresses, or null.</summary>
    IResourceDriver<AddressSpec, AddressFacts>? Addresses => null;

    /// <summary>Data disks that outlive an instance, or null.</summary>
    IResourceDriver<DiskSpec, DiskFacts>? Disks => null;

    /// <summary>Secrets in the platform's store, or null.</summary>
    IResourceDriver<SecretSpec, SecretFacts>? Secrets => null;

    /// <summary>Instances: machines, pods or jobs; or null.</summary>
    IResourceDriver<InstanceSpec, InstanceFacts>? Instances => null;
}

/// <summary>The verbs of one kind. The driver observes and does one step; the host decides, stores, waits and retries.</summary>
/// <typeparam name="TSpec">What is wished.</typeparam>
/// <typeparam name="TFacts">What is.</typeparam>
/// <remarks>
/// No verb waits for the platform's work, retries or starts anything that outlives the call (DC-10). Errors are values; an
/// exception counts as <see cref="ErrorCode.Bug"/> with <see cref="Effect.Unknown"/> (DC-11). Every verb may be called again (DC-12).
/// </remarks>
public interface IResourceDriver<TSpec, TFacts> where TSpec : ResourceSpec where TFacts : ResourceFacts
{
    /// <summary>Names every wish in <paramref name="desired"/> that can't be fulfilled; empty when all can. May read, changes nothing.</summary>
    ValueTask<ImmutableArray<Finding>> ValidateAsync(Call call, TSpec desired);

    /// <summary>
    /// Reports what is. Changes nothing. <paramref name="desired"/> is null when only existence matters (deletion): then there
    /// is no drift and a next step is a delete step. <paramref name="handle"/> is a source of error text and progress; the resource's own state is the truth.
    /// </summary>
    ValueTask<Answer<Observation<TFacts>>> ObserveAsync(Call call, Identity id, TSpec? desired, Handle? handle);

    /// <summary>Does <see cref="Operation.Step"/> of building the resource, and nothing else.</summary>
    ValueTask<Outcome<TFacts>> CreateAsync(Operation operation, Identity id, TSpec desired);

    /// <summary>Does <see cref="Operation.Step"/> of changing the resource in place, and nothing else.</summary>
    ValueTask<Outcome<TFacts>> UpdateAsync(Operation operation, Identity id, TSpec desired);

    /// <summary>Does <see cref="Operation.Step"/> of taking the resource down. Deleting what is gone is Done with <see cref="Absent{TFacts}"/>.</summary>
    ValueTask<Outcome<TFacts>> DeleteAsync(Operation operation, Identity id);

    /// <summary>One page of everything that carries the mark of <see cref="ListQuery.Installation"/>.</summary>
    ValueTask<Answer<ListPage<TFacts>>> ListAsync(Call call, ListQuery query, string? cursor);
}
