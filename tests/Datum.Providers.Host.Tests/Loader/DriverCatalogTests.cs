using System.Text.Json;
using Datum.Providers.Host.Loader;

namespace Datum.Providers.Host.Tests.Loader;

public sealed class DriverCatalogTests
{
    private TestVolume _volume = null!;

    [SetUp]
    public void SetUp() => _volume = new TestVolume();

    [TearDown]
    public void TearDown() => _volume.Dispose();

    [Test]
    public async Task Two_drivers_run_on_two_majors_of_one_library_in_one_process()
    {
        _volume.Add("newtonsoft-old");
        _volume.Add("newtonsoft-new");
        var catalog = _volume.Load();

        Assert.That(catalog.Rejections, Is.Empty);
        using var host = new TestHost();
        List<string?> versions = [];
        foreach (var id in new[] { "newtonsoft-old", "newtonsoft-new" })
        {
            var driver = catalog.ById(id)!;
            await using var session = await driver.Factory.ConnectAsync(host, new Connection { Installation = "test" }, default);
            var account = await session.ProbeAsync(TestHost.Call());
            versions.Add(account.Value?.PlatformVersion);
            Assert.That(driver.Descriptor.Egress, Is.EqualTo(new[] { account.Value?.PlatformVersion }));
        }

        Assert.That(versions, Is.EqualTo(new[] { "12.0.0.0", "13.0.0.0" }));
    }

    [Test]
    public void Each_driver_reports_its_own_assemblies_and_shares_only_the_closed_list()
    {
        _volume.Add("newtonsoft-old");
        _volume.Add("newtonsoft-new");
        var catalog = _volume.Load();
        foreach (var driver in catalog.Drivers)
        {
            var own = driver.Assemblies.Where(a => a.Context == "driver/" + driver.Manifest.Id && a.Origin == AssemblyOrigin.Driver).Select(a => a.Name);
            var shared = driver.Assemblies.Where(a => a.Context == "host").Select(a => a.Name);
            Assert.That(own, Is.EquivalentTo(new[] { "Newtonsoft.Json", driver.Manifest.EntryAssembly[..^4] }));
            Assert.That(shared, Is.EqualTo(new[] { "Datum.Providers.Abstractions", "Microsoft.Extensions.Logging.Abstractions" }));
        }

        Assert.That(AppDomain.CurrentDomain.GetAssemblies().Where(a => a.GetName().Name == "Newtonsoft.Json").Select(a => a.GetName().Version!.Major), Is.SupersetOf(new[] { 12, 13 }));
    }

    [Test]
    public void A_driver_is_found_by_id_and_by_location_key_and_carries_the_digest_of_its_manifest()
    {
        var folder = _volume.Add("plain");
        var catalog = _volume.Load();
        var driver = catalog.ByLocationKey("plain")!;
        Assert.Multiple(() =>
        {
            Assert.That(driver, Is.SameAs(catalog.ById("plain")));
            Assert.That(driver.Digest, Is.EqualTo(DriverVerifier.Digest(File.ReadAllBytes(Path.Combine(folder, "driver.json")))));
            Assert.That(driver.Descriptor.Version, Is.EqualTo("1.2.3"));
            Assert.That(catalog.ById("nobody"), Is.Null);
            Assert.That(catalog.ByLocationKey("nobody"), Is.Null);
        });
    }

    [Test]
    public async Task A_verb_that_throws_is_a_bug_with_unknown_effect_and_the_session_goes_on()
    {
        _volume.Add("plain");
        var driver = _volume.Load().ById("plain")!;
        using var host = new TestHost();
        using var settings = JsonDocument.Parse("""{"throws":"create"}""");
        await using var session = await driver.Factory.ConnectAsync(host, new Connection { Installation = "test", Settings = settings.RootElement }, default);

        var outcome = await session.Networks!.CreateAsync(TestHost.Operation(StepVerb.Create), TestHost.Identity, new NetworkSpec());
        var error = ((Failed<NetworkFacts>)outcome).Error;
        Assert.That((error.Code, error.Effect), Is.EqualTo((ErrorCode.Bug, Effect.Unknown)));
        Assert.That(error.Message, Does.Contain("TestDrivers.PlainException: the wire broke with token [redacted]").And.Not.Contain("canary"), "L12");
        var observed = await session.Networks.ObserveAsync(TestHost.Call(), TestHost.Identity, new NetworkSpec(), null);
        Assert.That(observed.Value, Is.InstanceOf<Absent<NetworkFacts>>());
    }

    [TestCase("ThrowingConstructor", DriverRejectionReason.ConstructorFailed, "no licence found")]
    [TestCase("ThrowingDescribe", DriverRejectionReason.DescribeFailed, "describe went wrong")]
    [TestCase("HostileDescribe", DriverRejectionReason.DescribeFailed, "it throws itself")]
    [TestCase("HangingDescribe", DriverRejectionReason.DescribeTimedOut, "Describe() of driver faulty")]
    [TestCase("NullDescribe", DriverRejectionReason.DescriptorInvalid, "returned null")]
    [TestCase("OtherIdDescribe", DriverRejectionReason.DescriptorInvalid, "'somebody-else'")]
    [TestCase("DefaultKindsDescribe", DriverRejectionReason.DescriptorInvalid, "Kinds isn't set")]
    [TestCase("NotAFactory", DriverRejectionReason.EntryTypeInvalid, "doesn't implement")]
    [TestCase("NeedsArgument", DriverRejectionReason.EntryTypeInvalid, "constructor without parameters")]
    [TestCase("HiddenFactory", DriverRejectionReason.EntryTypeInvalid, "public class")]
    [TestCase("Nowhere", DriverRejectionReason.EntryTypeInvalid, "it holds TestDrivers.")]
    public void L9_a_driver_that_fails_to_start_is_named_and_the_others_start(string entryType, DriverRejectionReason reason, string text)
    {
        _volume.Add("plain", "a-faulty", m =>
        {
            // Describing itself as somebody else is what one of the cases is about.
            m["id"] = entryType == "DefaultKindsDescribe" ? "plain" : "faulty";
            m["locationKey"] = entryType == "DefaultKindsDescribe" ? "plain" : "faulty";
            m["entryType"] = "TestDrivers." + entryType;
        });
        _volume.Add("newtonsoft-new");
        var catalog = TestVolume.Load(_volume.Options with { DescribeTimeout = TimeSpan.FromMilliseconds(entryType == "HangingDescribe" ? 3_000 : 20_000) });

        Assert.That(catalog.Drivers.Select(d => d.Manifest.Id), Is.EqualTo(new[] { "newtonsoft-new" }));
        var rejection = catalog.Rejections.Single();
        Assert.That(rejection.Reason, Is.EqualTo(reason), rejection.Message);
        Assert.That(rejection.Message, Does.Contain(text));
    }

    [TestCase("id", "newtonsoftNew2", DriverRejectionReason.DuplicateId)]
    [TestCase("key", "newtonsoftNew", DriverRejectionReason.DuplicateLocationKey)]
    public void Of_two_drivers_with_one_id_or_location_key_the_first_by_path_is_taken_and_both_are_named(string same, string key, DriverRejectionReason reason)
    {
        var second = _volume.Add("newtonsoft-new", "b", m =>
        {
            m["id"] = same == "id" ? "newtonsoft-new" : "other";
            m["locationKey"] = key;
        });
        var first = _volume.Add("newtonsoft-new", "a");
        var catalog = _volume.Load();

        Assert.That(catalog.Drivers.Single().Folder, Is.EqualTo(first));
        var rejection = catalog.Rejections.Single();
        Assert.Multiple(() =>
        {
            Assert.That(rejection.Reason, Is.EqualTo(reason));
            Assert.That(rejection.Folder, Is.EqualTo(second));
            Assert.That(rejection.Message, Does.Contain(first).And.Contain(second).And.Contain("was taken"));
        });
    }

    [Test]
    public void Only_the_selected_drivers_start()
    {
        _volume.Add("plain");
        _volume.Add("newtonsoft-new");
        var catalog = TestVolume.Load(_volume.Options with { Only = new HashSet<string> { "plain" } });
        Assert.That(catalog.Drivers.Select(d => d.Manifest.Id), Is.EqualTo(new[] { "plain" }));
        Assert.That(catalog.Rejections.Single().Reason, Is.EqualTo(DriverRejectionReason.NotSelected));
    }

    [Test]
    public void With_trusted_digests_only_those_manifests_run()
    {
        var plain = _volume.Add("plain");
        _volume.Add("newtonsoft-new");
        var digest = DriverVerifier.Digest(File.ReadAllBytes(Path.Combine(plain, "driver.json")));
        var catalog = TestVolume.Load(_volume.Options with { TrustedDigests = new HashSet<string> { digest } });
        Assert.That(catalog.Drivers.Select(d => d.Manifest.Id), Is.EqualTo(new[] { "plain" }));
        Assert.That(catalog.Rejections.Single().Reason, Is.EqualTo(DriverRejectionReason.NotTrusted));
    }

    [Test]
    public void A_volume_that_does_not_exist_is_a_rejection_and_no_exception()
    {
        var catalog = TestVolume.Load(new DriverVolumeOptions { Path = Path.Combine(_volume.Path, "nothing") });
        Assert.That(catalog.Drivers, Is.Empty);
        Assert.That(catalog.Rejections.Single().Reason, Is.EqualTo(DriverRejectionReason.VolumeMissing));
    }

    [Test]
    public void Every_reason_for_a_rejection_belongs_to_the_closed_list() =>
        Assert.That(Enum.GetValues<DriverRejectionReason>(), Has.Length.EqualTo(27), "a new reason needs a line in the docs, a condition and a test");
}
