using System.Globalization;
using Polly;
using Polly.Retry;
using Polly.Timeout;

namespace TestDrivers;

/// <summary>Polly validates its options with DataAnnotations.</summary>
public sealed class PollyFactory() : ProbeFactory("polly")
{
    public override async ValueTask<string> DoAsync()
    {
        var attempts = 0;
        var pipeline = new ResiliencePipelineBuilder<Answered>()
            .AddRetry(new RetryStrategyOptions<Answered>
            {
                MaxRetryAttempts = 2, Delay = TimeSpan.Zero,
                ShouldHandle = new PredicateBuilder<Answered>().Handle<NotYetException>(),
            })
            .AddTimeout(new TimeoutStrategyOptions { Timeout = TimeSpan.FromSeconds(30) })
            .Build();
        var answer = await pipeline.ExecuteAsync(_ => ++attempts < 3 ? throw new NotYetException() : ValueTask.FromResult(new Answered(attempts)));
        return answer.Attempts.ToString(CultureInfo.InvariantCulture);
    }

    private sealed record Answered(int Attempts);

    private sealed class NotYetException : Exception;
}
