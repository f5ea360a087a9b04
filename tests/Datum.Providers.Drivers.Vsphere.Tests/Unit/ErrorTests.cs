using System.Text;
using Datum.Providers.Drivers.Vsphere.Vim;
using Datum.Providers.Sdk;

namespace Datum.Providers.Drivers.Vsphere.Tests.Unit;

/// <summary>Each row of the error tables, by what the platform says.</summary>
public sealed class ErrorTests
{
    private static readonly ErrorTable Table = VimErrors.Table(new Redactor());

    [TestCase("NotAuthenticated", ErrorCode.Unauthenticated, ErrorScope.Account)]
    [TestCase("InvalidLogin", ErrorCode.Unauthenticated, ErrorScope.Account)]
    [TestCase("NoPermission", ErrorCode.Forbidden, ErrorScope.Resource)]
    [TestCase("RestrictedByAdministrator", ErrorCode.Forbidden, ErrorScope.Resource)]
    [TestCase("VmLimitLicense", ErrorCode.QuotaExceeded, ErrorScope.Account)]
    [TestCase("NotEnoughLicenses", ErrorCode.QuotaExceeded, ErrorScope.Account)]
    [TestCase("LimitExceeded", ErrorCode.QuotaExceeded, ErrorScope.Account)]
    [TestCase("InsufficientResourcesFault", ErrorCode.CapacityUnavailable, ErrorScope.Zone)]
    [TestCase("InsufficientCpuResourcesFault", ErrorCode.CapacityUnavailable, ErrorScope.Zone)]
    [TestCase("InsufficientMemoryResourcesFault", ErrorCode.CapacityUnavailable, ErrorScope.Zone)]
    [TestCase("InsufficientHostCapacityFault", ErrorCode.CapacityUnavailable, ErrorScope.Zone)]
    [TestCase("InsufficientFailoverResourcesFault", ErrorCode.CapacityUnavailable, ErrorScope.Zone)]
    [TestCase("InsufficientStorageSpace", ErrorCode.CapacityUnavailable, ErrorScope.Zone)]
    [TestCase("NoDiskSpace", ErrorCode.CapacityUnavailable, ErrorScope.Zone)]
    [TestCase("NoCompatibleHost", ErrorCode.CapacityUnavailable, ErrorScope.Zone)]
    [TestCase("NoMaintenanceModeDrsRecommendationForVM", ErrorCode.CapacityUnavailable, ErrorScope.Zone)]
    [TestCase("LicenseExpired", ErrorCode.Unsupported, ErrorScope.Resource)]
    [TestCase("RestrictedVersion", ErrorCode.Unsupported, ErrorScope.Resource)]
    [TestCase("NotSupported", ErrorCode.Unsupported, ErrorScope.Resource)]
    [TestCase("ConcurrentAccess", ErrorCode.PreconditionFailed, ErrorScope.Resource)]
    [TestCase("DuplicateName", ErrorCode.Conflict, ErrorScope.Resource)]
    [TestCase("AlreadyExists", ErrorCode.Conflict, ErrorScope.Resource)]
    [TestCase("FileAlreadyExists", ErrorCode.Conflict, ErrorScope.Resource)]
    [TestCase("ResourceInUse", ErrorCode.Conflict, ErrorScope.Resource)]
    [TestCase("InvalidPowerState", ErrorCode.PreconditionFailed, ErrorScope.Resource)]
    [TestCase("ToolsUnavailable", ErrorCode.PreconditionFailed, ErrorScope.Resource)]
    [TestCase("CpuHotPlugNotSupported", ErrorCode.PreconditionFailed, ErrorScope.Resource)]
    [TestCase("TaskInProgress", ErrorCode.NotReadyYet, ErrorScope.Resource)]
    [TestCase("FileLocked", ErrorCode.NotReadyYet, ErrorScope.Resource)]
    [TestCase("ManagedObjectNotFound", ErrorCode.NotReadyYet, ErrorScope.Resource)]
    [TestCase("NotFound", ErrorCode.NotReadyYet, ErrorScope.Resource)]
    [TestCase("FileNotFound", ErrorCode.NotReadyYet, ErrorScope.Resource)]
    [TestCase("InvalidArgument", ErrorCode.Invalid, ErrorScope.Resource)]
    [TestCase("InvalidName", ErrorCode.Invalid, ErrorScope.Resource)]
    [TestCase("InvalidVmConfig", ErrorCode.Invalid, ErrorScope.Resource)]
    [TestCase("InvalidDeviceSpec", ErrorCode.Invalid, ErrorScope.Resource)]
    [TestCase("InvalidDatastorePath", ErrorCode.Invalid, ErrorScope.Resource)]
    [TestCase("MissingNetworkIpConfig", ErrorCode.Invalid, ErrorScope.Resource)]
    [TestCase("OutOfBounds", ErrorCode.Invalid, ErrorScope.Resource)]
    [TestCase("CustomizationFault", ErrorCode.Invalid, ErrorScope.Resource)]
    public void A_fault_means_what_the_table_says(string fault, ErrorCode expected, ErrorScope scope)
    {
        foreach (var error in (DriverError[])[Table.Classify(500, new ErrorDetail { Code = fault }, mutation: true), Table.ClassifyLate(0, new ErrorDetail { Code = fault })])
            Assert.That((error.Code, error.Effect, error.Scope), Is.EqualTo((expected, Effect.NotApplied, scope)));
    }

    [TestCase("HostNotConnected")]
    [TestCase("HostCommunication")]
    [TestCase("NetworkInaccessible")]
    [TestCase("RequestCanceled")]
    [TestCase("SystemError")]
    [TestCase("RuntimeFault")]
    public void A_failure_of_the_platform_leaves_the_effect_open(string fault)
    {
        var error = Table.ClassifyLate(0, new ErrorDetail { Code = fault });
        Assert.That((error.Code, error.Effect), Is.EqualTo((ErrorCode.Unavailable, Effect.Unknown)));
        Assert.That(Table.Classify(500, new ErrorDetail { Code = fault }, mutation: true).Effect, Is.EqualTo(Effect.Unknown));
    }

    [Test]
    public void A_late_fault_that_nobody_knows_is_failed_and_its_effect_unknown()
    {
        var error = Table.ClassifyLate(0, new ErrorDetail { Code = "SomethingNew" });
        Assert.That((error.Code, error.Effect), Is.EqualTo((ErrorCode.Failed, Effect.Unknown)));
    }

    [TestCase("com.vmware.vapi.std.errors.unauthenticated", ErrorCode.Unauthenticated)]
    [TestCase("com.vmware.vapi.std.errors.unauthorized", ErrorCode.Forbidden)]
    [TestCase("com.vmware.vapi.std.errors.not_found", ErrorCode.Invalid)]
    [TestCase("com.vmware.vapi.std.errors.resource_inaccessible", ErrorCode.NotReadyYet)]
    [TestCase("com.vmware.vapi.std.errors.service_unavailable", ErrorCode.Unavailable)]
    [TestCase("com.vmware.vapi.std.errors.invalid_argument", ErrorCode.Invalid)]
    public void An_error_of_REST_means_what_its_table_says(string type, ErrorCode expected) =>
        Assert.That(new ErrorTable { Rows = VimRest.Rows }.Classify(400, new ErrorDetail { Code = type }, mutation: false).Code, Is.EqualTo(expected));

    [Test]
    public void Every_row_is_reached_by_a_case_above()
    {
        var faults = typeof(ErrorTests).GetMethods().SelectMany(m => m.GetCustomAttributes(typeof(TestCaseAttribute), false).Cast<TestCaseAttribute>()).Select(c => (string)c.Arguments[0]!).ToList();
        foreach (var row in VimErrors.Rows.Concat(VimRest.Rows))
            Assert.That(faults.Any(f => new ErrorTable { Rows = [row] }.Classify(0, new ErrorDetail { Code = f }, true).Code == row.Code), Is.True, string.Join(", ", row.PlatformCodes));
    }

    [Test]
    public void What_a_fault_was_caused_by_decides_where_the_fault_itself_says_too_little()
    {
        var fault = VimFault.Of(VimNode.Parse("""
            <error xmlns="urn:vim25" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">
              <fault xsi:type="GenericVmConfigFault"><faultCause><fault xsi:type="NoDiskSpace"><datastore>ds</datastore></fault><localizedMessage>No room on ds.</localizedMessage></faultCause><reason>r</reason></fault>
              <localizedMessage></localizedMessage>
            </error>
            """u8.ToArray()));
        var error = Table.ClassifyLate(0, fault.ToDetail());
        Assert.That((error.Code, error.PlatformCode), Is.EqualTo((ErrorCode.CapacityUnavailable, "NoDiskSpace")));
        Assert.That(error.Message, Does.Contain("No room on ds"));
    }

    [Test]
    public void A_missing_right_is_named_with_its_object()
    {
        var detail = Refusal("""<NoPermissionFault xsi:type="NoPermission"><object type="Folder">group-v3</object><privilegeId>VirtualMachine.Inventory.Create</privilegeId></NoPermissionFault>""");
        Assert.That(detail.Message, Does.Contain("VirtualMachine.Inventory.Create").And.Contain("group-v3"));
    }

    [Test]
    public void Whoever_holds_a_name_is_who_blocks() => Assert.That(
        Refusal("""<DuplicateNameFault xsi:type="DuplicateName"><name>ins-1</name><object type="VirtualMachine">vm-7</object></DuplicateNameFault>""").BlockedBy, Is.EqualTo(new[] { "vm-7" }));

    [Test]
    public void A_page_of_a_proxy_is_no_SOAP_and_says_nothing_of_the_effect()
    {
        var detail = VimFault.ReadDetail(new RestResult { Status = 502, ReasonPhrase = "Bad Gateway", Body = "<html><body>oops"u8.ToArray() });
        Assert.That((detail.Code, detail.Message), Is.EqualTo(((string?)null, "Bad Gateway")));
        Assert.That(Table.Classify(502, detail, mutation: true).Effect, Is.EqualTo(Effect.Unknown));
    }

    private static ErrorDetail Refusal(string detail) => VimFault.ReadDetail(new RestResult
    {
        Status = 500,
        Body = Encoding.UTF8.GetBytes($"""
            <soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xmlns="urn:vim25">
              <soapenv:Body><soapenv:Fault><faultcode>ServerFaultCode</faultcode><faultstring>No.</faultstring><detail>{detail}</detail></soapenv:Fault></soapenv:Body>
            </soapenv:Envelope>
            """),
    });
}
