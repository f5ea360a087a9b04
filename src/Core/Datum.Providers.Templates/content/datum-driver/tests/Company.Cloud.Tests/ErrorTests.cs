namespace Company_Cloud.Tests;

/// <summary>DC-48: a test for each row of the error table.</summary>
public sealed class ErrorTests
{
    [TestCase(403, "quota_exceeded", ErrorCode.QuotaExceeded, Effect.NotApplied, ErrorScope.Account)]
    [TestCase(503, "no_capacity", ErrorCode.CapacityUnavailable, Effect.NotApplied, ErrorScope.Zone)]
    [TestCase(422, "no_such_network", ErrorCode.NotReadyYet, Effect.NotApplied, ErrorScope.Resource)]
    [TestCase(400, "bad_cursor", ErrorCode.PreconditionFailed, Effect.NotApplied, ErrorScope.Resource)]
    [TestCase(500, "internal", ErrorCode.Unavailable, Effect.Unknown, ErrorScope.Resource)]
    public void A_refusal_means_what_the_table_says(int status, string platformCode, ErrorCode code, Effect effect, ErrorScope scope)
    {
        var error = CloudErrors.Table().Classify(status, new ErrorDetail { Code = platformCode, Message = "No." }, mutation: true);

        Assert.Multiple(() =>
        {
            Assert.That(error.Code, Is.EqualTo(code));
            Assert.That(error.Effect, Is.EqualTo(effect));
            Assert.That(error.Scope, Is.EqualTo(scope));
        });
    }
}
