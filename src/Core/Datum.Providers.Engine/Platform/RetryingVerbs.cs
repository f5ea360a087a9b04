using Polly;
using Polly.Retry;

namespace Datum.Providers.Engine.Platform;

/// <summary>
/// Repeats reads, and only reads, once or twice while the platform is Unavailable for a moment: a restart of its API between two
/// requests is not worth a condition. Everything longer is the queue's business, and mutations are never repeated here (law L5).
/// </summary>
internal sealed class RetryingVerbs : KindVerbs
{
    public const int MaxRetries = 2;
    private static readonly TimeSpan FirstDelay = TimeSpan.FromMilliseconds(150);

    private readonly KindVerbs _inner;
    private readonly ResiliencePipeline<Answer<Look>> _looks;
    private readonly ResiliencePipeline<Answer<ListedPage>> _pages;

    public RetryingVerbs(KindVerbs inner, IScheduler scheduler)
    {
        _inner = inner;
        _looks = Pipeline<Look>(scheduler);
        _pages = Pipeline<ListedPage>(scheduler);
    }

    public override ResourceKind Kind => _inner.Kind;

    public override ValueTask<ImmutableArray<Finding>> ValidateAsync(Call call, JsonElement desired, PartsOf parts) => _inner.ValidateAsync(call, desired, parts);

    public override ValueTask<Answer<Look>> ObserveAsync(Call call, Identity id, JsonElement? desired, Handle? handle, PartsOf parts) =>
        _looks.ExecuteAsync(_ => _inner.ObserveAsync(call, id, desired, handle, parts), call.Cancellation);

    public override ValueTask<StepResult> ApplyAsync(Operation operation, Identity id, JsonElement? desired, PartsOf parts) =>
        _inner.ApplyAsync(operation, id, desired, parts);

    public override ValueTask<Answer<ListedPage>> ListAsync(Call call, ListQuery query, string? cursor) =>
        _pages.ExecuteAsync(_ => _inner.ListAsync(call, query, cursor), call.Cancellation);

    private static ResiliencePipeline<Answer<T>> Pipeline<T>(IScheduler scheduler) where T : class =>
        new ResiliencePipelineBuilder<Answer<T>> { TimeProvider = scheduler.Time }
            .AddRetry(new RetryStrategyOptions<Answer<T>>
            {
                MaxRetryAttempts = MaxRetries,
                Delay = FirstDelay,
                BackoffType = DelayBackoffType.Exponential,
                UseJitter = true,
                Randomizer = scheduler.NextRandom,
                ShouldHandle = static outcome => ValueTask.FromResult(outcome.Outcome.Result?.Error is { Code: ErrorCode.Unavailable, RetryAfter: null }),
            })
            .Build();
}
