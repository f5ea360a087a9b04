using System.Reflection;
using System.Text.Json.Nodes;
using Datum.Providers.Host.Loader;

namespace Datum.Providers.Host.Tests.Loader;

/// <summary>What is refused before any code of the driver runs. In each volume a good driver must start beside the bad one (law L9).</summary>
public sealed class DriverVerifierTests
{
    private TestVolume _volume = null!;

    [SetUp]
    public void SetUp()
    {
        _volume = new TestVolume();
        _volume.Add("plain");
    }

    [TearDown]
    public void TearDown() => _volume.Dispose();

    [Test]
    public void One_flipped_bit_in_any_file_is_refused_before_any_code_runs()
    {
        var files = Directory.GetFiles(TestVolume.Packed("newtonsoft-new")).Select(Path.GetFileName).Where(f => f != "driver.json").ToList();
        Assert.That(files, Has.Count.EqualTo(3));
        foreach (var file in files)
        {
            var folder = _volume.Add("newtonsoft-new", "bad-" + file);
            var path = Path.Combine(folder, file!);
            var bytes = File.ReadAllBytes(path);
            foreach (var at in new[] { 0, bytes.Length / 2, bytes.Length - 1 })
            {
                bytes[at] ^= 1;
                File.WriteAllBytes(path, bytes);
                var rejection = Rejected();
                Assert.That((rejection.Phase, rejection.Reason), Is.EqualTo((DriverPhase.Verify, DriverRejectionReason.DigestMismatch)), rejection.Message);
                Assert.That(rejection.Message, Does.Contain(path).And.Contain("Copy driver newtonsoft-new again"));
                bytes[at] ^= 1;
            }

            Directory.Delete(folder, recursive: true);
        }
    }

    [Test]
    public void The_bytes_that_are_loaded_are_the_ones_that_were_verified()
    {
        var folder = _volume.Add("newtonsoft-new");
        var root = CanonicalPath.Resolve(_volume.Path);
        var canonical = CanonicalPath.Resolve(folder);
        var driverFolder = new DriverFolder(folder, canonical, root);
        var verified = DriverVerifier.Verify(driverFolder, DriverVerifier.ReadManifest(driverFolder), _volume.Options);
        var path = Path.Combine(folder, "Newtonsoft.Json.dll");
        var bytes = File.ReadAllBytes(path);
        bytes[^1] ^= 1;
        File.WriteAllBytes(path, bytes);

        var activator = new DriverActivator(verified, TimeSpan.FromSeconds(10), TimeProvider.System);
        var rejection = Assert.Throws<DriverRejectedException>(() => activator.Load(new DriverLoadContext(verified, _volume.Options, collectible: false)))!;
        Assert.That((rejection.Phase, rejection.Reason), Is.EqualTo((DriverPhase.Load, DriverRejectionReason.DigestMismatch)));
        Assert.That(rejection.Message, Does.Contain("Newtonsoft.Json.dll of driver newtonsoft-new changed after it was verified"));
    }

    [Test]
    public void A_missing_file_is_named()
    {
        var folder = _volume.Add("newtonsoft-new");
        File.Delete(Path.Combine(folder, "Newtonsoft.Json.dll"));
        AssertRejected(DriverPhase.Verify, DriverRejectionReason.FileMissing, "Newtonsoft.Json.dll");
    }

    [Test]
    public void A_dependency_that_was_never_packed_is_named()
    {
        var folder = _volume.Add("newtonsoft-new");
        File.Delete(Path.Combine(folder, "Newtonsoft.Json.dll"));
        TestVolume.Edit(folder, m => m["files"]!.AsObject().Remove("Newtonsoft.Json.dll"));
        AssertRejected(DriverPhase.Load, DriverRejectionReason.DependencyMissing, "Newtonsoft.Json");
    }

    [Test]
    public void The_hosts_own_packages_are_not_lent()
    {
        var driver = new VerifiedDriver(new DriverFolder(_volume.Path, TestVolume.Packed("plain"), _volume.Path), DriverManifest.Parse(File.ReadAllBytes(Path.Combine(TestVolume.Packed("plain"), "driver.json"))));
        var context = new DriverLoadContext(driver, _volume.Options, collectible: true);
        var fault = Assert.Throws<FileNotFoundException>(() => context.LoadFromAssemblyName(new AssemblyName("YamlDotNet")))!;
        Assert.That(ExceptionText.Flatten(fault), Does.Contain("YamlDotNet").And.Contain("lends none of its own packages"));
        Assert.That(context.LoadFromAssemblyName(new AssemblyName("System.Text.Json")), Is.SameAs(typeof(System.Text.Json.JsonElement).Assembly));
        context.Unload();
        Assert.Multiple(() =>
        {
            Assert.That(SharedAssemblies.IsFramework("System.Text.Json"), Is.True);
            Assert.That(SharedAssemblies.IsFramework("Microsoft.AspNetCore.Http"), Is.True);
            foreach (var name in new[] { "datum-providers", "Datum.Providers.Engine", "Datum.Providers.Kubernetes", "YamlDotNet", "Polly.Core", "nunit.framework" })
                Assert.That(SharedAssemblies.IsFramework(name), Is.False, name);
        });
    }

    [TestCase("extra.dll")]
    [TestCase("sub/extra.txt")]
    public void A_file_that_is_not_listed_is_named(string extra)
    {
        var folder = _volume.Add("newtonsoft-new");
        Directory.CreateDirectory(Path.GetDirectoryName(Path.Combine(folder, extra))!);
        File.WriteAllText(Path.Combine(folder, extra), "x");
        AssertRejected(DriverPhase.Verify, DriverRejectionReason.FileNotListed, extra);
    }

    [Test]
    public void A_private_copy_of_the_contract_is_refused_even_under_another_name()
    {
        var folder = _volume.Add("newtonsoft-new");
        var copy = Path.Combine(_volume.Path, "plain", "..", "Innocent.dll");
        File.Copy(typeof(Contract).Assembly.Location, copy);
        TestVolume.AddListed(folder, copy);
        AssertRejected(DriverPhase.Verify, DriverRejectionReason.PrivateSharedAssembly, "private copy of Datum.Providers.Abstractions");
    }

    [Test]
    public void A_private_copy_of_an_assembly_whose_types_cross_the_contract_is_refused()
    {
        var folder = _volume.Add("newtonsoft-new");
        TestVolume.AddListed(folder, typeof(System.Text.Json.JsonElement).Assembly.Location);
        AssertRejected(DriverPhase.Verify, DriverRejectionReason.PrivateSharedAssembly, "private copy of System.Text.Json");
    }

    [TestCase("2.0", "2", "runs on contract 2.0 to 2.x; this host has 1.1")]
    [TestCase("1.2", "1.4", "runs on contract 1.2 to 1.4")]
    [TestCase("0.1", "0.9", "runs on contract 0.1 to 0.9")]
    public void A_contract_range_without_this_hosts_version_is_refused(string min, string max, string text)
    {
        _volume.Add("newtonsoft-new", "bad", m => m["contract"] = new JsonObject { ["min"] = min, ["max"] = max });
        AssertRejected(DriverPhase.Verify, DriverRejectionReason.ContractMismatch, text);
    }

    [Test]
    public void A_newer_framework_is_refused()
    {
        _volume.Add("newtonsoft-new", "bad", m => m["targetFramework"] = "net99.0");
        AssertRejected(DriverPhase.Verify, DriverRejectionReason.FrameworkMismatch, ".NET 99.0");
    }

    [Test]
    public void An_entry_assembly_that_is_no_assembly_is_refused()
    {
        var folder = _volume.Add("newtonsoft-new");
        var junk = Path.Combine(_volume.Path, "junk.dll");
        File.WriteAllText(junk, "this is no image");
        TestVolume.AddListed(folder, junk);
        TestVolume.Edit(folder, m => m["entryAssembly"] = "junk.dll");
        AssertRejected(DriverPhase.Verify, DriverRejectionReason.NotAnAssembly, "junk.dll");
    }

    [Test]
    public void A_driver_folder_that_is_a_link_out_of_the_volume_is_refused()
    {
        Directory.CreateSymbolicLink(Path.Combine(_volume.Path, "linked"), TestVolume.Packed("newtonsoft-new"));
        AssertRejected(DriverPhase.Find, DriverRejectionReason.LinkRefused, "outside of the driver volume");
    }

    [Test]
    public void A_sibling_folder_whose_name_begins_like_the_volume_is_outside()
    {
        var sibling = _volume.Path + "-evil";
        Directory.CreateDirectory(sibling);
        try
        {
            Directory.CreateSymbolicLink(Path.Combine(_volume.Path, "linked"), sibling);
            AssertRejected(DriverPhase.Find, DriverRejectionReason.LinkRefused, sibling);
        }
        finally
        {
            Directory.Delete(sibling);
        }
    }

    [Test]
    public void A_file_that_is_a_link_out_of_the_volume_is_refused()
    {
        var folder = _volume.Add("newtonsoft-new");
        File.Delete(Path.Combine(folder, "Newtonsoft.Json.dll"));
        File.CreateSymbolicLink(Path.Combine(folder, "Newtonsoft.Json.dll"), Path.Combine(TestVolume.Packed("newtonsoft-new"), "Newtonsoft.Json.dll"));
        AssertRejected(DriverPhase.Verify, DriverRejectionReason.LinkRefused, "Copy the file");
    }

    [Test]
    public void Links_that_stay_in_the_volume_are_followed_as_Kubernetes_mounts_need_it()
    {
        var real = _volume.Add("newtonsoft-new", "..2026_01_01");
        Directory.CreateSymbolicLink(Path.Combine(_volume.Path, "newtonsoft"), real);
        var catalog = _volume.Load();
        Assert.That(catalog.Rejections, Is.Empty);
        Assert.That(catalog.Drivers.Select(d => d.Manifest.Id), Is.EqualTo(new[] { "newtonsoft-new", "plain" }));
    }

    [Test]
    public void A_circle_of_links_is_a_rejection()
    {
        var link = Path.Combine(_volume.Path, "circle");
        Directory.CreateDirectory(Path.Combine(_volume.Path, "bad"));
        File.CreateSymbolicLink(Path.Combine(_volume.Path, "bad", "driver.json"), link);
        File.CreateSymbolicLink(link, Path.Combine(_volume.Path, "bad", "driver.json"));
        var rejection = Rejected();
        Assert.That(rejection.Reason, Is.AnyOf(DriverRejectionReason.ManifestMissing, DriverRejectionReason.Unreadable));
    }

    [Test]
    public void A_folder_without_a_manifest_is_named()
    {
        Directory.CreateDirectory(Path.Combine(_volume.Path, "empty"));
        AssertRejected(DriverPhase.Manifest, DriverRejectionReason.ManifestMissing, "has no driver.json");
    }

    [Test]
    public void A_driver_that_lies_in_the_volume_itself_is_named()
    {
        File.Copy(Path.Combine(TestVolume.Packed("newtonsoft-new"), "driver.json"), Path.Combine(_volume.Path, "driver.json"));
        AssertRejected(DriverPhase.Find, DriverRejectionReason.ManifestInvalid, "a folder of its own");
    }

    private void AssertRejected(DriverPhase phase, DriverRejectionReason reason, string text)
    {
        var rejection = Rejected();
        Assert.That((rejection.Phase, rejection.Reason), Is.EqualTo((phase, reason)), rejection.Message);
        Assert.That(rejection.Message, Does.Contain(text));
    }

    private DriverRejection Rejected()
    {
        var catalog = _volume.Load();
        Assert.That(catalog.Drivers.Select(d => d.Manifest.Id), Is.EqualTo(new[] { "plain" }));
        return catalog.Rejections.Single();
    }
}
