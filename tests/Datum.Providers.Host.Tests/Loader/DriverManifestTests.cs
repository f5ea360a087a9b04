using System.Text;
using System.Text.Json.Nodes;
using Datum.Providers.Host.Loader;

namespace Datum.Providers.Host.Tests.Loader;

public sealed class DriverManifestTests
{
    private static string Good => File.ReadAllText(Path.Combine(TestVolume.Packed("newtonsoft-new"), "driver.json"));

    [Test]
    public void A_packed_manifest_reads_completely()
    {
        var manifest = DriverManifest.Parse(Encoding.UTF8.GetBytes(Good));
        Assert.Multiple(() =>
        {
            Assert.That(manifest.Id, Is.EqualTo("newtonsoft-new"));
            Assert.That(manifest.Version, Is.EqualTo("1.2.3"));
            Assert.That(manifest.ContractMin, Is.EqualTo(new Version(1, 1)));
            Assert.That(manifest.ContractMax, Is.EqualTo(new Version(1, int.MaxValue)));
            Assert.That(manifest.Framework, Is.EqualTo(new Version(10, 0)));
            Assert.That(manifest.EntryType, Is.EqualTo("TestDrivers.NewtonsoftFactory"));
            Assert.That(manifest.Files.Keys, Is.EqualTo(new[] { "Newtonsoft.Json.dll", "TestDrivers.NewtonsoftNew.deps.json", "TestDrivers.NewtonsoftNew.dll" }));
        });
    }

    [TestCase("formatVersion")]
    [TestCase("id")]
    [TestCase("version")]
    [TestCase("contract")]
    [TestCase("contract.min")]
    [TestCase("contract.max")]
    [TestCase("locationKey")]
    [TestCase("entryAssembly")]
    [TestCase("entryType")]
    [TestCase("targetFramework")]
    [TestCase("files")]
    public void A_missing_field_is_named(string field) =>
        AssertFault(Edited(field, null, remove: true), field + ": is missing");

    [TestCase("formatVersion", "2", "this host reads 1")]
    [TestCase("formatVersion", "\"1\"", "wrong type")]
    [TestCase("id", "\"Upper\"", "1 to 40 of a-z")]
    [TestCase("id", "7", "wrong type")]
    [TestCase("version", "\"1.2\"", "semantic version")]
    [TestCase("contract.min", "\"1\"", "major.minor")]
    [TestCase("contract.min", "\"1.9\"", null)]
    [TestCase("contract.max", "\"x\"", "major.minor")]
    [TestCase("contract", "{\"min\":\"2.0\",\"max\":\"1.0\"}", "min 2.0 is above max 1.0")]
    [TestCase("contract", "[]", "wrong type")]
    [TestCase("locationKey", "\"a/b\"", "beginning with a letter")]
    [TestCase("entryAssembly", "\"../x.dll\"", "without a path")]
    [TestCase("entryAssembly", "\"Other.dll\"", "isn't in files")]
    [TestCase("entryType", "\"has space\"", "full name of a type")]
    [TestCase("targetFramework", "\"netstandard2.0\"", "netN.N")]
    [TestCase("files", "{}", "is empty")]
    [TestCase("files", "[]", "wrong type")]
    [TestCase("extra", "1", "isn't a field")]
    public void A_wrong_field_is_named(string field, string json, string? text)
    {
        var manifest = Edited(field, JsonNode.Parse(json));
        if (text is null)
            Assert.That(() => DriverManifest.Parse(Encoding.UTF8.GetBytes(manifest)), Throws.Nothing);
        else
            AssertFault(manifest, field, text);
    }

    [TestCase("../evil.dll", "..")]
    [TestCase("a/../../evil.dll", "..")]
    [TestCase("./evil.dll", "..")]
    [TestCase("a//evil.dll", "empty parts")]
    [TestCase("/etc/passwd", "relative")]
    [TestCase("C:/evil.dll", "relative")]
    [TestCase("a\\evil.dll", "must use /")]
    [TestCase("driver.json", "own digest")]
    [TestCase("Driver.JSON", "own digest")]
    [TestCase("NEWTONSOFT.json.dll", "by case only")]
    [TestCase("", "1 to 1024")]
    [TestCase("a\u0000b", "control characters")]
    public void A_path_that_could_leave_or_shadow_is_named(string path, string text)
    {
        var manifest = JsonNode.Parse(Good)!.AsObject();
        manifest["files"]![path] = new string('0', 64);
        AssertFault(manifest.ToJsonString(), "files['", text);
    }

    [TestCase("abc")]
    [TestCase("ABCDEF0000000000000000000000000000000000000000000000000000000000")]
    public void A_digest_that_is_no_lower_case_SHA256_is_named(string digest)
    {
        var manifest = JsonNode.Parse(Good)!.AsObject();
        manifest["files"]!["x.dll"] = digest;
        AssertFault(manifest.ToJsonString(), "files['x.dll']", "64 lower-case hex digits");
    }

    [TestCase("", "isn't JSON")]
    [TestCase("null", "null")]
    [TestCase("[]", "wrong type")]
    [TestCase("{\"id\":", "isn't JSON")]
    [TestCase("{\"id\":\"a\",\"id\":\"b\"}", "twice")]
    public void What_is_no_manifest_at_all_is_said(string json, string text) => AssertFault(json, text);

    [Test]
    public void A_malformed_manifest_in_a_volume_names_file_field_and_what_to_do()
    {
        using var volume = new TestVolume();
        volume.Add("plain");
        var folder = volume.Add("newtonsoft-new", "bad", m => m.Remove("entryType"));
        var catalog = volume.Load();
        Assert.That(catalog.Drivers, Has.Count.EqualTo(1));
        var rejection = catalog.Rejections.Single();
        Assert.That(rejection.Reason, Is.EqualTo(DriverRejectionReason.ManifestInvalid));
        Assert.That(rejection.Message, Does.StartWith(Path.Combine(folder, "driver.json")).And.Contain("entryType: is missing").And.Contain("Pack the driver again"));
    }

    private static string Edited(string field, JsonNode? value, bool remove = false)
    {
        var manifest = JsonNode.Parse(Good)!.AsObject();
        var parts = field.Split('.');
        var parent = parts.Length == 1 ? manifest : manifest[parts[0]]!.AsObject();
        if (remove)
            parent.Remove(parts[^1]);
        else
            parent[parts[^1]] = value;
        return manifest.ToJsonString();
    }

    private static void AssertFault(string json, params string[] texts)
    {
        var fault = Assert.Throws<FormatException>(() => DriverManifest.Parse(Encoding.UTF8.GetBytes(json)))!;
        foreach (var text in texts)
            Assert.That(fault.Message, Does.Contain(text));
    }
}
