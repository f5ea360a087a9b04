using System.Collections.Immutable;

namespace Datum.Providers.Host.Drivers;

/// <summary>The verbs of one kind, guarded. Made by <see cref="GuardedDriver"/> only.</summary>
internal class GuardedResource<TSpec, TFacts> : IResourceDriver<TSpec, TFacts> where TSpec : ResourceSpec where TFacts : ResourceFacts
{
    private static readonly GuardedVerb<Wish, ImmutableArray<Finding>, ImmutableArray<Finding>> s_validate = new(nameof(ValidateAsync),
        static a => a.Inner.ValidateAsync(a.Call, a.Desired), static (guard, _, findings) => Findings(guard, findings));

    private static readonly GuardedVerb<Glance, Answer<Observation<TFacts>>, Answer<Observation<TFacts>>> s_observe = new(nameof(ObserveAsync),
        static a => a.Inner.ObserveAsync(a.Call, a.Id, a.Desired, a.Handle),
        static (guard, a, answer) => guard.Checked(nameof(ObserveAsync), answer, answer.Fault == GuardFault.Unknown ? ResultRules.Fault(answer.Value, a.Desired is not null) : null));

    private static readonly GuardedVerb<Change, Outcome<TFacts>, Outcome<TFacts>> s_create = new(nameof(CreateAsync),
        static a => a.Inner.CreateAsync(a.Operation, a.Id, a.Desired!), static (guard, _, outcome) => guard.Checked(nameof(CreateAsync), outcome, wanted: true));

    private static readonly GuardedVerb<Change, Outcome<TFacts>, Outcome<TFacts>> s_update = new(nameof(UpdateAsync),
        static a => a.Inner.UpdateAsync(a.Operation, a.Id, a.Desired!), static (guard, _, outcome) => guard.Checked(nameof(UpdateAsync), outcome, wanted: true));

    private static readonly GuardedVerb<Change, Outcome<TFacts>, Outcome<TFacts>> s_delete = new(nameof(DeleteAsync),
        static a => a.Inner.DeleteAsync(a.Operation, a.Id), static (guard, _, outcome) => guard.Checked(nameof(DeleteAsync), outcome, wanted: false));

    private static readonly GuardedVerb<Page, Answer<ListPage<TFacts>>, Answer<ListPage<TFacts>>> s_list = new(nameof(ListAsync),
        static a => a.Inner.ListAsync(a.Call, a.Query, a.Cursor),
        static (guard, a, answer) => guard.Checked(nameof(ListAsync), answer, answer.Fault == GuardFault.Unknown ? ResultRules.Fault(answer.Value, a.Cursor) : null));

    private readonly IResourceDriver<TSpec, TFacts> _inner;
    private readonly GuardedPort<Wish, ImmutableArray<Finding>, ImmutableArray<Finding>> _validate;
    private readonly GuardedPort<Glance, Answer<Observation<TFacts>>, Answer<Observation<TFacts>>> _observe;
    private readonly GuardedPort<Change, Outcome<TFacts>, Outcome<TFacts>> _create;
    private readonly GuardedPort<Change, Outcome<TFacts>, Outcome<TFacts>> _update;
    private readonly GuardedPort<Change, Outcome<TFacts>, Outcome<TFacts>> _delete;
    private readonly GuardedPort<Page, Answer<ListPage<TFacts>>, Answer<ListPage<TFacts>>> _list;

    internal GuardedResource(IResourceDriver<TSpec, TFacts> inner, GuardedCall guard)
    {
        _inner = inner;
        _validate = new(guard, s_validate);
        _observe = new(guard, s_observe);
        _create = new(guard, s_create);
        _update = new(guard, s_update);
        _delete = new(guard, s_delete);
        _list = new(guard, s_list);
    }

    /// <summary>Forwards. Since findings have no error beside them, a call without a usable answer throws <see cref="DriverException"/>.</summary>
    public ValueTask<ImmutableArray<Finding>> ValidateAsync(Call call, TSpec desired) =>
        _validate.CallAsync(new Wish(_inner, call, desired), CallLimit.Of(call));

    public ValueTask<Answer<Observation<TFacts>>> ObserveAsync(Call call, Identity id, TSpec? desired, Handle? handle) =>
        _observe.CallAsync(new Glance(_inner, call, id, desired, handle), CallLimit.Of(call));

    public ValueTask<Outcome<TFacts>> CreateAsync(Operation operation, Identity id, TSpec desired) =>
        _create.CallAsync(new Change(_inner, operation, id, desired), CallLimit.Of(operation.Call));

    public ValueTask<Outcome<TFacts>> UpdateAsync(Operation operation, Identity id, TSpec desired) =>
        _update.CallAsync(new Change(_inner, operation, id, desired), CallLimit.Of(operation.Call));

    public ValueTask<Outcome<TFacts>> DeleteAsync(Operation operation, Identity id) =>
        _delete.CallAsync(new Change(_inner, operation, id, null), CallLimit.Of(operation.Call));

    public ValueTask<Answer<ListPage<TFacts>>> ListAsync(Call call, ListQuery query, string? cursor) =>
        _list.CallAsync(new Page(_inner, call, query, cursor), CallLimit.Of(call));

    private static ImmutableArray<Finding> Findings(GuardedCall guard, in Guarded<ImmutableArray<Finding>> result)
    {
        if (result.Fault != GuardFault.Unknown)
            throw new DriverException(guard.ErrorOf(nameof(ValidateAsync), result.Fault, result.Text!, mutation: false));
        return ResultRules.Fault(result.Value) is { } fault ? throw new DriverException(guard.Invalid(nameof(ValidateAsync), fault, mutation: false)) : result.Value;
    }

    private readonly record struct Wish(IResourceDriver<TSpec, TFacts> Inner, Call Call, TSpec Desired);

    private readonly record struct Glance(IResourceDriver<TSpec, TFacts> Inner, Call Call, Identity Id, TSpec? Desired, Handle? Handle);

    private readonly record struct Change(IResourceDriver<TSpec, TFacts> Inner, Operation Operation, Identity Id, TSpec? Desired);

    private readonly record struct Page(IResourceDriver<TSpec, TFacts> Inner, Call Call, ListQuery Query, string? Cursor);
}

/// <summary>The verbs of a kind whose objects can be adopted.</summary>
internal sealed class GuardedAdoptableResource<TSpec, TFacts> : GuardedResource<TSpec, TFacts>, IAdoption<TFacts> where TSpec : ResourceSpec where TFacts : ResourceFacts
{
    private readonly IAdoption<TFacts> _adoption;
    private readonly GuardedCall _guard;

    internal GuardedAdoptableResource(IResourceDriver<TSpec, TFacts> inner, IAdoption<TFacts> adoption, GuardedCall guard) : base(inner, guard)
    {
        _adoption = adoption;
        _guard = guard;
    }

    public ValueTask<Answer<Candidate<TFacts>>> InspectAsync(Call call, Identity id, string providerId) =>
        _guard.ReadAsync(nameof(InspectAsync), call, () => _adoption.InspectAsync(call, id, providerId), AbilityRules.Fault);

    public ValueTask<Outcome<TFacts>> AdoptAsync(Operation operation, Identity id, string providerId) =>
        _guard.MutateAsync(nameof(AdoptAsync), operation, wanted: true, () => _adoption.AdoptAsync(operation, id, providerId));

    public ValueTask<Outcome<TFacts>> ReleaseAsync(Operation operation, Identity id) =>
        _guard.MutateAsync(nameof(ReleaseAsync), operation, wanted: false, () => _adoption.ReleaseAsync(operation, id));
}
