using Datum.Providers.Engine.Platform;
using Datum.Providers.Kubernetes;
using Moq;

namespace Datum.Providers.Engine.Tests.Platform;

public class RetryingVerbsTests
{
    private static readonly Identity Id = new() { Installation = "test", Kind = ResourceKind.Network, Name = new string('a', 32), Incarnation = 1 };
    private static readonly Call Frame = new() { Cancellation = CancellationToken.None, Deadline = DateTimeOffset.MaxValue, Id = "1" };
    private static readonly Answer<Observation<NetworkFacts>> Nothing = new Absent<NetworkFacts>();

    private static DriverError Error(ErrorCode code) => new() { Code = code, Effect = Effect.NotApplied, Message = "no" };

    private static (Mock<IResourceDriver<NetworkSpec, NetworkFacts>> Driver, RetryingVerbs Verbs) Make()
    {
        var networks = new Mock<IResourceDriver<NetworkSpec, NetworkFacts>>(MockBehavior.Strict);
        var session = new Mock<IInfrastructureDriver>();
        session.SetupGet(s => s.Networks).Returns(networks.Object);
        return (networks, new RetryingVerbs(KindVerbs.Of(session.Object, ResourceKind.Network)!, SystemScheduler.Instance));
    }

    [Test]
    public async Task A_look_that_is_unavailable_for_a_moment_is_repeated()
    {
        var (driver, verbs) = Make();
        driver.SetupSequence(d => d.ObserveAsync(It.IsAny<Call>(), Id, null, null))
            .ReturnsAsync(Error(ErrorCode.Unavailable)).ReturnsAsync(Nothing);
        var answer = await verbs.ObserveAsync(Frame, Id, null, null, _ => []);
        Assert.That(answer.Value?.Presence, Is.EqualTo(Presence.Absent));
        driver.Verify(d => d.ObserveAsync(It.IsAny<Call>(), Id, null, null), Times.Exactly(2));
    }

    [Test]
    public async Task A_platform_that_stays_away_is_asked_three_times_and_no_more()
    {
        var (driver, verbs) = Make();
        driver.Setup(d => d.ObserveAsync(It.IsAny<Call>(), Id, null, null)).ReturnsAsync(Error(ErrorCode.Unavailable));
        var answer = await verbs.ObserveAsync(Frame, Id, null, null, _ => []);
        Assert.That(answer.Error?.Code, Is.EqualTo(ErrorCode.Unavailable));
        driver.Verify(d => d.ObserveAsync(It.IsAny<Call>(), Id, null, null), Times.Exactly(1 + RetryingVerbs.MaxRetries));
    }

    [TestCase(ErrorCode.Forbidden)]
    [TestCase(ErrorCode.Throttled)]
    [TestCase(ErrorCode.Timeout)]
    public async Task Other_errors_are_told_at_once(ErrorCode code)
    {
        var (driver, verbs) = Make();
        driver.Setup(d => d.ObserveAsync(It.IsAny<Call>(), Id, null, null)).ReturnsAsync(Error(code));
        await verbs.ObserveAsync(Frame, Id, null, null, _ => []);
        driver.Verify(d => d.ObserveAsync(It.IsAny<Call>(), Id, null, null), Times.Once);
    }

    [Test]
    public async Task Law_L5_a_mutation_is_never_repeated_here()
    {
        var (driver, verbs) = Make();
        driver.Setup(d => d.DeleteAsync(It.IsAny<Operation>(), Id))
            .ReturnsAsync(new Failed<NetworkFacts> { Error = Error(ErrorCode.Unavailable) with { Effect = Effect.Unknown } });
        var step = new Step { Part = "network", Verb = StepVerb.Delete, Class = CreateClass.Repeatable };
        var result = await verbs.ApplyAsync(new Operation { Call = Frame, Step = step, Token = "t" }, Id, null, _ => []);
        Assert.That(result.Error?.Effect, Is.EqualTo(Effect.Unknown));
        driver.Verify(d => d.DeleteAsync(It.IsAny<Operation>(), Id), Times.Once);
    }
}
