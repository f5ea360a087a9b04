using System.Runtime.CompilerServices;
using Polly;
using Polly.Retry;

namespace Datum.Providers.Engine.Platform;

/// <summary>
/// Repeats reads, and only reads, once or twice while the platform is Unavailable for a moment: a restart of its API between two
/// requests is not worth a condition. Everything longer is the queue's business, and mutations are never repeated here (law L5).
/// The meter sees how each call ended, repetitions as one.
/// </summary>
internal sealed class RetryingVerbs : KindVerbs
{
    public const int MaxRetries = 2;
    private static readonly TimeSpan FirstDelay = TimeSpan.FromMilliseconds(150);

    private readonly KindVerbs _inner;
    private readonly ICallMeter? _meter;
    private readonly ResiliencePipeline<Answer<Look>> _looks;
    private readonly ResiliencePipeline<Answer<ListedPage>> _pages;

    public RetryingVerbs(KindVerbs inner, IScheduler scheduler, ICallMeter? meter = null)
    {
        _inner = inner;
        _meter = meter;
        _looks = Pipeline<Look>(scheduler);
        _pages = Pipeline<ListedPage>(scheduler);
    }

    public override ResourceKind Kind => _inner.Kind;

    public override Policies.AdoptionVerbs? Adoption => _inner.Adoption;

    public override ValueTask<ImmutableArray<Finding>> ValidateAsync(Call call, JsonElement desired, PartsOf parts) => _inner.ValidateAsync(call, desired, parts);

    /// <remarks>The pipeline is asked only once an answer is to be repeated: a call that succeeds pays nothing for it.</remarks>
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    public override async ValueTask<Answer<Look>> ObserveAsync(Call call, Identity id, JsonElement? desired, Handle? handle, PartsOf parts)
    {
        var first = await _inner.ObserveAsync(call, id, desired, handle, parts).ConfigureAwait(false);
        if (IsBrief(first.Error))
            first = await LookAgainAsync(first, call, id, desired, handle, parts).ConfigureAwait(false);
        _meter?.Saw(first.Error);
        return first;
    }

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    public override async ValueTask<StepResult> ApplyAsync(Operation operation, Identity id, JsonElement? desired, PartsOf parts)
    {
        var result = await _inner.ApplyAsync(operation, id, desired, parts).ConfigureAwait(false);
        _meter?.Saw(result.Error);
        return result;
    }

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    public override async ValueTask<Answer<ListedPage>> ListAsync(Call call, ListQuery query, string? cursor)
    {
        var first = await _inner.ListAsync(call, query, cursor).ConfigureAwait(false);
        if (IsBrief(first.Error))
            first = await ListAgainAsync(first, call, query, cursor).ConfigureAwait(false);
        _meter?.Saw(first.Error);
        return first;
    }

    // Apart from their callers, where the closures would be made for every call.
    private ValueTask<Answer<Look>> LookAgainAsync(Answer<Look> first, Call call, Identity id, JsonElement? desired, Handle? handle, PartsOf parts) =>
        AgainAsync(_looks, first, () => _inner.ObserveAsync(call, id, desired, handle, parts), call.Cancellation);

    private ValueTask<Answer<ListedPage>> ListAgainAsync(Answer<ListedPage> first, Call call, ListQuery query, string? cursor) =>
        AgainAsync(_pages, first, () => _inner.ListAsync(call, query, cursor), call.Cancellation);

    private static bool IsBrief(DriverError? error) => error is { Code: ErrorCode.Unavailable, RetryAfter: null };

    /// <summary>Goes on after a first answer, which counts as the pipeline's first attempt.</summary>
    private ValueTask<Answer<T>> AgainAsync<T>(ResiliencePipeline<Answer<T>> pipeline, Answer<T> first, Func<ValueTask<Answer<T>>> repeat, CancellationToken cancellation) where T : class
    {
        var begun = false;
        return pipeline.ExecuteAsync(_ =>
        {
            if (begun)
                // An account whose rate is used up isn't asked once more in the same breath.
                return _meter?.MayRepeat() is false ? ValueTask.FromResult(first) : repeat();
            begun = true;
            return ValueTask.FromResult(first);
        }, cancellation);
    }

    private static ResiliencePipeline<Answer<T>> Pipeline<T>(IScheduler scheduler) where T : class =>
        new ResiliencePipelineBuilder<Answer<T>> { TimeProvider = scheduler.Time }
            .AddRetry(new RetryStrategyOptions<Answer<T>>
            {
                MaxRetryAttempts = MaxRetries,
                Delay = FirstDelay,
                BackoffType = DelayBackoffType.Exponential,
                UseJitter = true,
                Randomizer = scheduler.NextRandom,
                ShouldHandle = static outcome => ValueTask.FromResult(IsBrief(outcome.Outcome.Result?.Error)),
            })
            .Build();
}
