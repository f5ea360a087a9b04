using System.Text.Json.Nodes;
using Datum.Providers.Host.Loader;
using Datum.Providers.Host.Tests.Cli;

namespace Datum.Providers.Host.Tests.Loader;

/// <summary>Keys made by the real openssl.</summary>
[System.Runtime.Versioning.UnsupportedOSPlatform("windows")]
internal sealed class KeyFolder : IDisposable
{
    public KeyFolder() => Make("first");

    public string Path { get; } = Directory.CreateTempSubdirectory("datum-keys-").FullName;

    public string Private(string name) => System.IO.Path.Combine(Path, name + ".key");

    public string Public(string name) => System.IO.Path.Combine(Path, name + ".pem");

    public void Make(string name, string curve = "prime256v1")
    {
        DriverFilesTests.Run("openssl", "ecparam", "-name", curve, "-genkey", "-noout", "-out", Private(name));
        DriverFilesTests.Run("openssl", "pkey", "-in", Private(name), "-pubout", "-out", Public(name));
    }

    /// <summary>The id as openssl makes it.</summary>
    public string Id(string name)
    {
        var der = System.IO.Path.Combine(Path, name + ".der");
        DriverFilesTests.Run("openssl", "pkey", "-pubin", "-in", Public(name), "-outform", "DER", "-out", der);
        return DriverVerifier.Digest(File.ReadAllBytes(der));
    }

    public void Sign(string folder, string name) => DriverFilesTests.Run("openssl", "dgst", "-sha256", "-sign", Private(name),
        "-out", System.IO.Path.Combine(folder, "driver.json.sig"), System.IO.Path.Combine(folder, "driver.json"));

    public void Dispose() => Directory.Delete(Path, recursive: true);
}

/// <summary>Detached signatures, both ways with the real openssl.</summary>
[System.Runtime.Versioning.UnsupportedOSPlatform("windows")]
public sealed class DriverSignatureTests
{
    private TestVolume _volume = null!;
    private KeyFolder _keys = null!;

    [SetUp]
    public void SetUp()
    {
        if (!File.Exists("/usr/bin/openssl"))
            Assert.Ignore("openssl isn't installed: signatures of drivers are not tested here");
        (_volume, _keys) = (new TestVolume(), new KeyFolder());
    }

    [TearDown]
    public void TearDown()
    {
        _volume?.Dispose();
        _keys?.Dispose();
    }

    [Test]
    public void What_openssl_signed_is_loaded_and_its_key_is_named()
    {
        _keys.Sign(_volume.Add("plain"), "first");
        var driver = Load().Drivers.Single();
        Assert.That(driver.SignedBy, Is.EqualTo(_keys.Id("first")));
    }

    [Test]
    public async Task What_pack_signed_is_verified_by_openssl()
    {
        var run = await CliRun.Async("drivers", "pack", _volume.Add("plain"), "--to", Path.Combine(_volume.Path, "out"), "--sign-key", _keys.Private("first"), "--archive", "-o", "json");
        Assert.That(run.Exit, Is.Zero, run.Error);
        var folder = Path.Combine(_volume.Path, "out", "plain");
        DriverFilesTests.Run("openssl", "dgst", "-sha256", "-verify", _keys.Public("first"), "-signature", Path.Combine(folder, "driver.json.sig"), Path.Combine(folder, "driver.json"));
        var verified = await CliRun.Async("drivers", "verify", folder, "--load", "--driver-keys", _keys.Public("first"), "-o", "json");
        var unpacked = Directory.CreateDirectory(Path.Combine(_keys.Path, "unpacked")).FullName;
        DriverFilesTests.Run("tar", "-xzf", Path.Combine(_volume.Path, "out", "plain-1.2.3.tar.gz"), "-C", unpacked);
        Assert.Multiple(() =>
        {
            Assert.That((string?)JsonNode.Parse(run.Out)!["signedBy"], Is.EqualTo(_keys.Id("first")));
            Assert.That(verified.Exit, Is.Zero, verified.Out);
            Assert.That((string?)JsonNode.Parse(verified.Out)!["drivers"]![0]!["signedBy"], Is.EqualTo(_keys.Id("first")));
            Assert.That(Directory.GetFiles(Path.Combine(unpacked, "plain")).Select(Path.GetFileName), Does.Contain("driver.json.sig"));
        });
    }

    [Test]
    public void A_driver_without_a_signature_is_refused()
    {
        _volume.Add("plain");
        AssertRejected(DriverRejectionReason.SignatureMissing, "has no driver.json.sig");
    }

    [TestCase("another key")]
    [TestCase("another manifest")]
    [TestCase("a flipped bit")]
    [TestCase("no signature at all")]
    [TestCase("nothing")]
    public void A_signature_is_refused_that_is_of(string what)
    {
        var folder = _volume.Add("plain");
        var path = Path.Combine(folder, "driver.json.sig");
        _keys.Make("other");
        File.Move(_keys.Public("other"), _keys.Public("other") + ".off");
        _keys.Sign(folder, what == "another key" ? "other" : "first");
        if (what == "another manifest")
            TestVolume.Edit(folder, m => m["entryType"] = "TestDrivers.ThrowingConstructor");
        var bytes = File.ReadAllBytes(path);
        bytes[^1] ^= 1;
        if (what is "a flipped bit")
            File.WriteAllBytes(path, bytes);
        if (what is "no signature at all" or "nothing")
            File.WriteAllText(path, what == "nothing" ? "" : "Trust me.");
        AssertRejected(DriverRejectionReason.SignatureInvalid, _keys.Id("first"));
    }

    [Test]
    public void Keys_overlap_so_that_one_can_be_replaced()
    {
        _keys.Make("second");
        _keys.Sign(_volume.Add("plain"), "first");
        _keys.Sign(_volume.Add("newtonsoft-new"), "second");
        var both = Path.Combine(_keys.Path, "both.pem.txt");
        File.WriteAllText(both, "# the old one\n" + File.ReadAllText(_keys.Public("first")) + "# the new one\n" + File.ReadAllText(_keys.Public("second")));

        foreach (var path in new[] { _keys.Path, both })
            Assert.That(Load(path).Drivers.Select(d => (d.Manifest.Id, d.SignedBy)), Is.EqualTo(new[] { ("newtonsoft-new", _keys.Id("second")), ("plain", _keys.Id("first")) }));
        File.Delete(_keys.Public("first"));
        var after = Load();
        Assert.That((after.Drivers.Single().Manifest.Id, after.Rejections.Single().Reason), Is.EqualTo(("newtonsoft-new", DriverRejectionReason.SignatureInvalid)));
    }

    [Test]
    public void Without_keys_nobody_looks_at_a_signature()
    {
        File.WriteAllText(Path.Combine(_volume.Add("plain"), "driver.json.sig"), "Trust me.");
        var driver = _volume.Load().Drivers.Single();
        Assert.That(driver.SignedBy, Is.Null);
    }

    [Test]
    public async Task Packing_again_drops_the_old_signature()
    {
        var source = _volume.Add("plain");
        _keys.Sign(source, "first");
        var run = await CliRun.Async("drivers", "pack", source, "--to", Path.Combine(_volume.Path, "out"), "-o", "json");
        Assert.That(run.Exit, Is.Zero, run.Error);
        Assert.That(File.Exists(Path.Combine(_volume.Path, "out", "plain", "driver.json.sig")), Is.False);
        Assert.That(JsonNode.Parse(run.Out)!["leftOut"]!.AsArray().Select(l => (string)l!), Does.Contain("driver.json.sig"));
    }

    [TestCase("private", "holds a EC PRIVATE KEY")]
    [TestCase("rsa", "isn't for ECDSA")]
    [TestCase("p384", "another curve than P-256")]
    [TestCase("text", "holds no public key")]
    [TestCase("none", "no *.pem file")]
    [TestCase("absent", "nowhere")]
    public async Task Keys_that_are_none_are_wrong_usage(string kind, string says)
    {
        var path = Path.Combine(_keys.Path, kind + "-keys");
        switch (kind)
        {
            case "private":
                path = _keys.Private("first");
                break;
            case "rsa":
                DriverFilesTests.Run("openssl", "genrsa", "-out", path + ".key", "2048");
                DriverFilesTests.Run("openssl", "pkey", "-in", path + ".key", "-pubout", "-out", path);
                break;
            case "p384":
                _keys.Make("large", "secp384r1");
                path = _keys.Public("large");
                break;
            case "text":
                File.WriteAllText(path, "my key");
                break;
            case "none":
                Directory.CreateDirectory(path);
                break;
            case "absent":
                path = Path.Combine(_keys.Path, "nowhere");
                break;
        }

        var run = await CliRun.Async("drivers", "list", "--drivers", _volume.Path, "--driver-keys", path);
        Assert.That((run.Exit, run.Error), Is.EqualTo((2, run.Error)));
        Assert.That(run.Error, Does.Contain("--driver-keys").And.Contain(says));
    }

    [TestCase("public")]
    [TestCase("p384")]
    public async Task A_key_that_cannot_sign_is_refused_and_no_folder_appears(string kind)
    {
        _keys.Make("large", "secp384r1");
        var run = await CliRun.Async("drivers", "pack", _volume.Add("plain"), "--to", Path.Combine(_volume.Path, "out"), "--sign-key", kind == "public" ? _keys.Public("first") : _keys.Private("large"));
        Assert.That(run.Exit, Is.EqualTo(1));
        Assert.That(run.Error, Does.Contain("--sign-key"));
        Assert.That(Directory.GetFileSystemEntries(Path.Combine(_volume.Path, "out")), Is.Empty);
    }

    private DriverCatalog Load(string? keys = null) => TestVolume.Load(_volume.Options with { Keys = DriverKeys.Read(keys ?? _keys.Path) });

    private void AssertRejected(DriverRejectionReason reason, string text)
    {
        var catalog = Load();
        Assert.That(catalog.Drivers, Is.Empty);
        var rejection = catalog.Rejections.Single();
        Assert.That((rejection.Phase, rejection.Reason), Is.EqualTo((DriverPhase.Verify, reason)), rejection.Message);
        Assert.That(rejection.Message, Does.Contain(text));
    }
}
