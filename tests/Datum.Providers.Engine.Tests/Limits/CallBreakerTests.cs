using Datum.Providers.Engine.Limits;

namespace Datum.Providers.Engine.Tests.Limits;

/// <summary>When the breaker of a session opens and closes.</summary>
public sealed class CallBreakerTests
{
    [Test]
    public void It_opens_after_calls_in_a_row_without_an_answer([Values(ErrorCode.Unavailable, ErrorCode.Timeout)] ErrorCode code)
    {
        var breaker = new CallBreaker();
        for (var i = 1; i < CallBreaker.Threshold; i++)
            Assert.That(breaker.Saw(Error(code)), Is.EqualTo(BreakerMove.None));
        Assert.That(breaker.Saw(Error(code)), Is.EqualTo(BreakerMove.Opened));
        Assert.That(breaker.IsOpen, Is.True);
        Assert.That(breaker.Why, Does.Contain(code.ToString()));
    }

    [Test]
    public void Any_answer_in_between_begins_the_count_again([ValueSource(nameof(Answers))] ErrorCode? answer)
    {
        var breaker = new CallBreaker();
        for (var i = 0; i < 50; i++)
            breaker.Saw(i % 3 == 2 ? answer is { } code ? Error(code) : null : Error(ErrorCode.Unavailable));
        Assert.That(breaker.IsOpen, Is.False);
    }

    [Test]
    public void Errors_about_one_object_never_open_it([ValueSource(nameof(Answers))] ErrorCode? answer)
    {
        var breaker = new CallBreaker();
        for (var i = 0; i < 50; i++)
            breaker.Saw(answer is { } code ? Error(code) : null);
        Assert.That(breaker.IsOpen, Is.False);
    }

    [Test]
    public void Only_a_probe_closes_it()
    {
        var breaker = Open();
        Assert.That(breaker.Saw(null), Is.EqualTo(BreakerMove.None));
        Assert.That(breaker.IsOpen, Is.True, "a call that was under way says nothing");
        Assert.That(breaker.Probed(Error(ErrorCode.Timeout)), Is.False);
        Assert.That(breaker.Probed(Error(ErrorCode.Forbidden)), Is.True, "a refusal is an answer");
        Assert.That(breaker.IsOpen, Is.False);
    }

    [Test]
    public void Probes_come_ever_more_seldom_until_a_real_call_succeeds()
    {
        var breaker = Open();
        var delays = Enumerable.Range(0, 12).Select(_ => breaker.NextProbe(1).TotalSeconds).ToList();
        Assert.That(delays, Is.Ordered);
        Assert.That((delays[0], delays[1], delays[^1]), Is.EqualTo((5d, 10d, 300d)));

        breaker.Probed(null);
        for (var i = 0; i < CallBreaker.Threshold; i++)
            breaker.Saw(Error(ErrorCode.Unavailable));
        Assert.That(breaker.NextProbe(1).TotalSeconds, Is.EqualTo(300), "it only answers probes");

        breaker.Probed(null);
        breaker.Saw(null);
        for (var i = 0; i < CallBreaker.Threshold; i++)
            breaker.Saw(Error(ErrorCode.Unavailable));
        Assert.That(breaker.NextProbe(1).TotalSeconds, Is.EqualTo(5));
    }

    private static IEnumerable<ErrorCode?> Answers() =>
        Enum.GetValues<ErrorCode>().Where(c => c is not (ErrorCode.Unavailable or ErrorCode.Timeout)).Select(c => (ErrorCode?)c).Append(null);

    private static CallBreaker Open()
    {
        var breaker = new CallBreaker();
        for (var i = 0; i < CallBreaker.Threshold; i++)
            breaker.Saw(Error(ErrorCode.Unavailable));
        return breaker;
    }

    private static DriverError Error(ErrorCode code) => new() { Code = code, Effect = Effect.NotApplied, Message = "no" };
}
