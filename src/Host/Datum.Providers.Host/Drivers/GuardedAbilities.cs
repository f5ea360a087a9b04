using System.Collections.Frozen;
using System.Runtime.InteropServices;

namespace Datum.Providers.Host.Drivers;

/// <summary>The optional abilities of one session, guarded: those that it implements and its descriptor announces, and no other (DC-100).</summary>
internal sealed class GuardedAbilities
{
    private static readonly FrozenDictionary<Ability, Type> s_contracts = new Dictionary<Ability, Type>
    {
        [Ability.Power] = typeof(IPowerControl),
        [Ability.ConsoleLog] = typeof(IConsoleLog),
        [Ability.ImageCatalog] = typeof(IImageCatalog),
        [Ability.Offerings] = typeof(IOfferings),
        [Ability.Quotas] = typeof(IQuotas),
        [Ability.ChangeFeed] = typeof(IChangeFeed),
        [Ability.Usage] = typeof(IUsageReader),
    }.ToFrozenDictionary();

    private static readonly FrozenDictionary<RuntimeTypeHandle, (Ability Ability, RuntimeTypeHandle Forward)> s_forwards = new Dictionary<RuntimeTypeHandle, (Ability, RuntimeTypeHandle)>
    {
        [typeof(IPowerControl).TypeHandle] = (Ability.Power, typeof(IForwardPower).TypeHandle),
        [typeof(IConsoleLog).TypeHandle] = (Ability.ConsoleLog, typeof(IForwardConsole).TypeHandle),
        [typeof(IImageCatalog).TypeHandle] = (Ability.ImageCatalog, typeof(IForwardImages).TypeHandle),
        [typeof(IOfferings).TypeHandle] = (Ability.Offerings, typeof(IForwardOfferings).TypeHandle),
        [typeof(IQuotas).TypeHandle] = (Ability.Quotas, typeof(IForwardQuotas).TypeHandle),
        [typeof(IChangeFeed).TypeHandle] = (Ability.ChangeFeed, typeof(IForwardChanges).TypeHandle),
        [typeof(IUsageReader).TypeHandle] = (Ability.Usage, typeof(IForwardUsage).TypeHandle),
    }.ToFrozenDictionary();

    private readonly IInfrastructureDriver _inner;
    private readonly GuardedCall _guard;
    private readonly HashSet<Ability> _announced;
    private readonly GuardedChangeFeed? _changes;

    internal GuardedAbilities(IInfrastructureDriver inner, IEnumerable<Ability> announced, GuardedCall guard)
    {
        _inner = inner;
        _guard = guard;
        Implemented = s_contracts.Where(c => c.Value.IsInstanceOfType(inner)).Select(c => c.Key).ToHashSet();
        _announced = [.. announced.Where(Implemented.Contains)];
        _changes = inner is IChangeFeed changes ? new GuardedChangeFeed(changes, guard) : null;
    }

    /// <summary>What the driver's own object can, announced or not.</summary>
    internal IReadOnlySet<Ability> Implemented { get; }

    /// <summary>The interface whose default bodies serve a cast to <paramref name="contract"/>; null when the session doesn't have that ability.</summary>
    internal RuntimeTypeHandle? Forward(RuntimeTypeHandle contract) =>
        s_forwards.TryGetValue(contract, out var forward) && _announced.Contains(forward.Ability) ? forward.Forward : null;

    private static GuardedAbilities Of(object driver) => ((GuardedDriver)driver).Abilities;

    // A cast of GuardedDriver ends here. One class for each set of abilities would be 128, and one with all of them couldn't say no.
    [DynamicInterfaceCastableImplementation]
    private interface IForwardPower : IPowerControl
    {
        ValueTask<Outcome<InstanceFacts>> IPowerControl.PowerAsync(Operation operation, Identity id, PowerAction action)
        {
            var my = Of(this);
            return my._guard.MutateAsync(nameof(PowerAsync), operation, wanted: true, () => ((IPowerControl)my._inner).PowerAsync(operation, id, action));
        }
    }

    [DynamicInterfaceCastableImplementation]
    private interface IForwardConsole : IConsoleLog
    {
        ValueTask<Answer<ConsoleText>> IConsoleLog.ReadConsoleAsync(Call call, Identity id, ConsoleQuery query)
        {
            var my = Of(this);
            return my._guard.ReadAsync(nameof(ReadConsoleAsync), call, () => ((IConsoleLog)my._inner).ReadConsoleAsync(call, id, query), answer => AbilityRules.Fault(answer, query));
        }
    }

    [DynamicInterfaceCastableImplementation]
    private interface IForwardImages : IImageCatalog
    {
        ValueTask<Answer<CatalogPage<PlatformImage>>> IImageCatalog.ListImagesAsync(Call call, CatalogQuery query, string? cursor)
        {
            var my = Of(this);
            return my._guard.ReadAsync(nameof(ListImagesAsync), call, () => ((IImageCatalog)my._inner).ListImagesAsync(call, query, cursor),
                answer => AbilityRules.Fault(answer, query, cursor, AbilityRules.Fault));
        }
    }

    [DynamicInterfaceCastableImplementation]
    private interface IForwardOfferings : IOfferings
    {
        ValueTask<Answer<CatalogPage<Offering>>> IOfferings.ListOfferingsAsync(Call call, CatalogQuery query, string? cursor)
        {
            var my = Of(this);
            return my._guard.ReadAsync(nameof(ListOfferingsAsync), call, () => ((IOfferings)my._inner).ListOfferingsAsync(call, query, cursor),
                answer => AbilityRules.Fault(answer, query, cursor, AbilityRules.Fault));
        }
    }

    [DynamicInterfaceCastableImplementation]
    private interface IForwardQuotas : IQuotas
    {
        ValueTask<Answer<QuotaReport>> IQuotas.ReadQuotasAsync(Call call)
        {
            var my = Of(this);
            return my._guard.ReadAsync(nameof(ReadQuotasAsync), call, () => ((IQuotas)my._inner).ReadQuotasAsync(call), AbilityRules.Fault);
        }
    }

    [DynamicInterfaceCastableImplementation]
    private interface IForwardUsage : IUsageReader
    {
        ValueTask<Answer<UsagePage>> IUsageReader.ListUsageAsync(Call call, ListQuery query, string? cursor)
        {
            var my = Of(this);
            return my._guard.ReadAsync(nameof(ListUsageAsync), call, () => ((IUsageReader)my._inner).ListUsageAsync(call, query, cursor), answer => AbilityRules.Fault(answer, cursor));
        }
    }

    [DynamicInterfaceCastableImplementation]
    private interface IForwardChanges : IChangeFeed
    {
        IAsyncEnumerable<Change> IChangeFeed.WatchAsync(Call call) => Of(this)._changes!.WatchAsync(call);
    }
}
