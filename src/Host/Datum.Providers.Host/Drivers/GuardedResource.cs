using System.Collections.Immutable;

namespace Datum.Providers.Host.Drivers;

/// <summary>The verbs of one kind, guarded. Made by <see cref="GuardedDriver"/> only.</summary>
internal sealed class GuardedResource<TSpec, TFacts> : IResourceDriver<TSpec, TFacts> where TSpec : ResourceSpec where TFacts : ResourceFacts
{
    private readonly IResourceDriver<TSpec, TFacts> _inner;
    private readonly GuardedCall _guard;

    internal GuardedResource(IResourceDriver<TSpec, TFacts> inner, GuardedCall guard)
    {
        _inner = inner;
        _guard = guard;
    }

    /// <summary>Forwards. Since findings have no error beside them, a call without a usable answer throws <see cref="DriverException"/>.</summary>
    public async ValueTask<ImmutableArray<Finding>> ValidateAsync(Call call, TSpec desired)
    {
        var result = await _guard.RunAsync(nameof(ValidateAsync), CallLimit.Of(call), () => _inner.ValidateAsync(call, desired).AsTask());
        if (result.Fault != GuardFault.Unknown)
            throw new DriverException(_guard.ErrorOf(nameof(ValidateAsync), result.Fault, result.Text!, mutation: false));
        return ResultRules.Fault(result.Value) is { } fault ? throw new DriverException(Invalid(nameof(ValidateAsync), fault)) : result.Value;
    }

    public async ValueTask<Answer<Observation<TFacts>>> ObserveAsync(Call call, Identity id, TSpec? desired, Handle? handle)
    {
        var result = await _guard.RunAsync(nameof(ObserveAsync), CallLimit.Of(call), () => _inner.ObserveAsync(call, id, desired, handle).AsTask());
        return _guard.Checked(nameof(ObserveAsync), result, answer => ResultRules.Fault(answer, desired is not null));
    }

    public ValueTask<Outcome<TFacts>> CreateAsync(Operation operation, Identity id, TSpec desired) =>
        MutateAsync(nameof(CreateAsync), operation, true, () => _inner.CreateAsync(operation, id, desired).AsTask());

    public ValueTask<Outcome<TFacts>> UpdateAsync(Operation operation, Identity id, TSpec desired) =>
        MutateAsync(nameof(UpdateAsync), operation, true, () => _inner.UpdateAsync(operation, id, desired).AsTask());

    public ValueTask<Outcome<TFacts>> DeleteAsync(Operation operation, Identity id) =>
        MutateAsync(nameof(DeleteAsync), operation, false, () => _inner.DeleteAsync(operation, id).AsTask());

    public async ValueTask<Answer<ListPage<TFacts>>> ListAsync(Call call, ListQuery query, string? cursor)
    {
        var result = await _guard.RunAsync(nameof(ListAsync), CallLimit.Of(call), () => _inner.ListAsync(call, query, cursor).AsTask());
        return _guard.Checked(nameof(ListAsync), result, answer => ResultRules.Fault(answer, cursor));
    }

    private async ValueTask<Outcome<TFacts>> MutateAsync(string verb, Operation operation, bool wanted, Func<Task<Outcome<TFacts>>> start)
    {
        var result = await _guard.RunAsync(verb, CallLimit.Of(operation.Call), start);
        if (result.Fault != GuardFault.Unknown)
            return new Failed<TFacts> { Error = _guard.ErrorOf(verb, result.Fault, result.Text!, mutation: true) };
        if (ResultRules.Fault(result.Value, wanted) is not { } fault)
            return result.Value!;
        // Ids that came with a wrong answer are still the only trace of what was made.
        return new Failed<TFacts> { Error = Invalid(verb, fault), Parts = ResultRules.UsableParts(result.Value) };
    }

    private DriverError Invalid(string verb, string fault)
    {
        var text = "broke the contract: " + fault;
        _guard.Report(verb, GuardFault.Invalid, text);
        return _guard.ErrorOf(verb, GuardFault.Invalid, text, mutation: true);
    }
}
