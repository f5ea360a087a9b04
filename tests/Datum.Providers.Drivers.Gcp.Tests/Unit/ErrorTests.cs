using Datum.Providers.Drivers.Gcp.Api;
using Datum.Providers.Sdk;

namespace Datum.Providers.Drivers.Gcp.Tests.Unit;

/// <summary>Each row of the error table, by what the platform says.</summary>
public sealed class ErrorTests
{
    private static readonly ErrorTable Table = GcpErrors.Table(new Redactor());

    [TestCase(503, "ZONE_RESOURCE_POOL_EXHAUSTED", ErrorCode.CapacityUnavailable, ErrorScope.Zone)]
    [TestCase(503, "ZONE_RESOURCE_POOL_EXHAUSTED_WITH_DETAILS", ErrorCode.CapacityUnavailable, ErrorScope.Zone)]
    [TestCase(0, "RESOURCE_POOL_EXHAUSTED", ErrorCode.CapacityUnavailable, ErrorScope.Zone)]
    [TestCase(0, "STOCKOUT", ErrorCode.CapacityUnavailable, ErrorScope.Zone)]
    [TestCase(503, "resource_availability", ErrorCode.CapacityUnavailable, ErrorScope.Zone)]
    [TestCase(400, "IP_SPACE_EXHAUSTED", ErrorCode.CapacityUnavailable, ErrorScope.Zone)]
    [TestCase(403, "rateLimitExceeded", ErrorCode.Throttled, ErrorScope.Account)]
    [TestCase(403, "userRateLimitExceeded", ErrorCode.Throttled, ErrorScope.Account)]
    [TestCase(0, "RESOURCE_OPERATION_RATE_EXCEEDED", ErrorCode.Throttled, ErrorScope.Account)]
    [TestCase(429, "none", ErrorCode.Throttled, ErrorScope.Account)]
    [TestCase(403, "quotaExceeded", ErrorCode.QuotaExceeded, ErrorScope.Account)]
    [TestCase(0, "QUOTA_EXCEEDED", ErrorCode.QuotaExceeded, ErrorScope.Account)]
    [TestCase(0, "CPUS_QUOTA_REACHED", ErrorCode.QuotaExceeded, ErrorScope.Account)]
    [TestCase(403, "limitExceeded", ErrorCode.QuotaExceeded, ErrorScope.Account)]
    [TestCase(429, "RESOURCE_EXHAUSTED", ErrorCode.QuotaExceeded, ErrorScope.Account)]
    [TestCase(409, "alreadyExists", ErrorCode.Conflict, ErrorScope.Resource)]
    [TestCase(0, "RESOURCE_ALREADY_EXISTS", ErrorCode.Conflict, ErrorScope.Resource)]
    [TestCase(409, "ALREADY_EXISTS", ErrorCode.Conflict, ErrorScope.Resource)]
    [TestCase(400, "resourceInUseByAnotherResource", ErrorCode.Conflict, ErrorScope.Resource)]
    [TestCase(0, "RESOURCE_IN_USE_BY_ANOTHER_RESOURCE", ErrorCode.Conflict, ErrorScope.Resource)]
    [TestCase(412, "conditionNotMet", ErrorCode.PreconditionFailed, ErrorScope.Resource)]
    [TestCase(400, "FAILED_PRECONDITION", ErrorCode.PreconditionFailed, ErrorScope.Resource)]
    [TestCase(400, "resourceNotReady", ErrorCode.NotReadyYet, ErrorScope.Resource)]
    [TestCase(0, "RESOURCE_NOT_READY", ErrorCode.NotReadyYet, ErrorScope.Resource)]
    [TestCase(404, "notFound", ErrorCode.NotReadyYet, ErrorScope.Resource)]
    [TestCase(0, "RESOURCE_NOT_FOUND", ErrorCode.NotReadyYet, ErrorScope.Resource)]
    [TestCase(403, "forbidden", ErrorCode.Forbidden, ErrorScope.Resource)]
    [TestCase(403, "accessNotConfigured", ErrorCode.Forbidden, ErrorScope.Resource)]
    [TestCase(403, "PERMISSION_DENIED", ErrorCode.Forbidden, ErrorScope.Resource)]
    [TestCase(0, "PERMISSIONS_ERROR", ErrorCode.Forbidden, ErrorScope.Resource)]
    [TestCase(400, "SERVICE_ACCOUNT_ACCESS_DENIED", ErrorCode.Forbidden, ErrorScope.Resource)]
    [TestCase(401, "authError", ErrorCode.Unauthenticated, ErrorScope.Account)]
    [TestCase(401, "UNAUTHENTICATED", ErrorCode.Unauthenticated, ErrorScope.Account)]
    [TestCase(0, "UNSUPPORTED_OPERATION", ErrorCode.Unsupported, ErrorScope.Resource)]
    [TestCase(400, "invalid", ErrorCode.Invalid, ErrorScope.Resource)]
    [TestCase(400, "required", ErrorCode.Invalid, ErrorScope.Resource)]
    [TestCase(400, "INVALID_ARGUMENT", ErrorCode.Invalid, ErrorScope.Resource)]
    public void A_code_means_what_the_table_says(int status, string code, ErrorCode expected, ErrorScope scope)
    {
        var error = Table.Classify(status, new ErrorDetail { Code = code, Message = "words" }, mutation: true);
        Assert.That((error.Code, error.Effect, error.Scope), Is.EqualTo((expected, Effect.NotApplied, scope)));
    }

    [TestCase(500, "internalError")]
    [TestCase(503, "backendError")]
    [TestCase(0, "INTERNAL_ERROR")]
    [TestCase(503, "UNAVAILABLE")]
    public void A_failure_of_the_platform_leaves_the_effect_open(int status, string code)
    {
        var error = Table.ClassifyLate(status, new ErrorDetail { Code = code });
        Assert.That((error.Code, error.Effect), Is.EqualTo((ErrorCode.Unavailable, Effect.Unknown)));
    }

    [TestCase("Quota exceeded, and zone x does not have enough resources available to fulfill the request", ErrorCode.CapacityUnavailable)]
    [TestCase("Machine type with name 'n9' does not exist in zone 'x'.", ErrorCode.CapacityUnavailable)]
    [TestCase("Resource cannot be deleted if it's protected against deletion.", ErrorCode.Conflict)]
    public void Words_decide_where_the_code_says_too_little(string message, ErrorCode expected) =>
        Assert.That(Table.Classify(400, new ErrorDetail { Code = "invalid", Message = message }, mutation: true).Code, Is.EqualTo(expected));

    [Test]
    public void A_limit_a_minute_is_throttling_and_a_limit_of_objects_is_quota()
    {
        Assert.That(Table.Classify(429, new ErrorDetail { Code = "RESOURCE_EXHAUSTED", Message = "Quota exceeded for 'Requests per minute'" }, true).Code, Is.EqualTo(ErrorCode.Throttled));
        Assert.That(Table.Classify(429, new ErrorDetail { Code = "RESOURCE_EXHAUSTED", Message = "Quota exceeded for 'Secrets per project'" }, true).Code, Is.EqualTo(ErrorCode.QuotaExceeded));
    }

    [Test]
    public void An_unknown_late_failure_is_failed() =>
        Assert.That(Table.ClassifyLate(0, new ErrorDetail { Code = "SOMETHING_NEW" }).Code, Is.EqualTo(ErrorCode.Failed));

    [Test]
    public void Whoever_holds_a_resource_is_read_from_the_words() => Assert.That(
        GcpErrors.Holders("The network resource 'projects/p/global/networks/n' is already being used by 'projects/p/global/firewalls/f'"),
        Is.EqualTo(new[] { "projects/p/global/firewalls/f" }));

    [Test]
    public void Every_row_is_reached_by_a_case_above()
    {
        var codes = typeof(ErrorTests).GetMethods().SelectMany(m => m.GetCustomAttributes(typeof(TestCaseAttribute), false).Cast<TestCaseAttribute>())
            .Select(c => c.Arguments.OfType<string>().First()).Append("RESOURCE_EXHAUSTED").ToList();
        foreach (var row in GcpErrors.Rows.Where(r => !r.PlatformCodes.IsEmpty))
            Assert.That(codes.Any(c => new ErrorTable { Rows = [row] }.Classify(0, new ErrorDetail { Code = c }, true).Code == row.Code), Is.True, string.Join(", ", row.PlatformCodes));
    }
}
