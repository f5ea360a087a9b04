using System.Formats.Tar;
using System.IO.Compression;
using System.Text.Json;
using System.Text.Json.Nodes;
using Datum.Providers.Engine.Locations;
using Datum.Providers.Host.Tests.Loader;

namespace Datum.Providers.Host.Tests.Cli;

/// <summary><c>drivers list|verify|describe|pack</c></summary>
public sealed class DriverCommandTests
{
    [Test]
    public async Task List_says_of_a_rejected_driver_why_and_ends_with_1()
    {
        using var volume = new TestVolume();
        volume.Add("plain");
        File.AppendAllText(Path.Combine(volume.Add("newtonsoft-old"), "TestDrivers.NewtonsoftOld.dll"), "x");

        var run = await CliRun.Async("drivers", "list", "--drivers", volume.Path, "-o", "json");
        var drivers = JsonNode.Parse(run.Out)!["drivers"]!.AsArray();

        Assert.Multiple(() =>
        {
            Assert.That(run.Exit, Is.EqualTo(1));
            Assert.That(drivers.Select(d => $"{d!["id"]} {d["state"]} {d["phase"]} {d["reason"]}"), Is.EqualTo(new[] { "newtonsoft-old Rejected Verify DigestMismatch", "plain Ready  " }));
            Assert.That((string?)drivers[0]!["message"], Does.Contain("isn't the file that was packed"));
        });
    }

    [Test]
    public async Task List_takes_only_trusted_digests_when_some_are_named()
    {
        using var volume = new TestVolume();
        volume.Add("plain");
        var digest = (string?)JsonNode.Parse((await CliRun.Async("drivers", "list", "--drivers", volume.Path, "-o", "json")).Out)!["drivers"]![0]!["digest"];

        var trusted = await CliRun.Async("drivers", "list", "--drivers", volume.Path, "--trusted-digest", digest!);
        var other = await CliRun.Async("drivers", "list", "--drivers", volume.Path, "--trusted-digest", new string('0', 64));

        Assert.Multiple(() =>
        {
            Assert.That(trusted.Exit, Is.Zero);
            Assert.That(other.Exit, Is.EqualTo(1));
            Assert.That(other.Out, Does.Contain("NotTrusted"));
        });
    }

    [Test]
    public async Task Verify_goes_on_after_a_failed_check_and_names_each()
    {
        using var volume = new TestVolume();
        var folder = volume.Add("plain", "plain", m => m["contract"] = new JsonObject { ["min"] = "9.0", ["max"] = "9" });
        File.WriteAllText(Path.Combine(folder, "stray.txt"), "");

        var run = await CliRun.Async("drivers", "verify", folder, "--trusted-digest", new string('0', 64), "--load", "-o", "json");
        var checks = JsonNode.Parse(run.Out)!["drivers"]![0]!["checks"]!.AsArray();

        Assert.Multiple(() =>
        {
            Assert.That(run.Exit, Is.EqualTo(1));
            Assert.That(checks.Select(c => $"{c!["name"]} {c["state"]} {c["reason"]}".Trim()), Is.EqualTo(new[]
            {
                "manifest Passed", "selected Passed", "trusted Failed NotTrusted", "contract Failed ContractMismatch", "framework Passed",
                "files Failed FileNotListed", "digests Passed", "assemblies Passed", "load Skipped",
            }));
        });
    }

    [Test]
    public async Task Verify_with_load_runs_the_drivers_code_and_lets_go_of_it()
    {
        using var volume = new TestVolume();
        volume.Add("plain");
        volume.Add("newtonsoft-old");
        volume.Add("plain", "throws", m => (m["id"], m["locationKey"], m["entryType"]) = ("throws", "throws", "TestDrivers.ThrowingConstructor"));

        var run = await CliRun.Async("drivers", "verify", volume.Path, "--load", "-o", "json");
        var states = JsonNode.Parse(run.Out)!["drivers"]!.AsArray().ToDictionary(d => Path.GetFileName((string)d!["folder"]!), d => string.Join(' ', d!["checks"]!.AsArray().Where(c => (string)c!["phase"]! is "Load" or "Activate").Select(c => $"{c!["name"]}:{c["state"]}:{c["reason"]}")));

        Assert.Multiple(() =>
        {
            Assert.That(run.Exit, Is.EqualTo(1));
            Assert.That(states["plain"], Is.EqualTo("load:Passed: describe:Passed: unload:Passed:"));
            Assert.That(states["newtonsoft-old"], Does.StartWith("load:Passed: describe:Passed:"));
            Assert.That(states["throws"], Does.Contain("describe:Failed:ConstructorFailed"));
        });
    }

    [Test]
    public async Task Verify_finds_two_drivers_of_one_id()
    {
        using var volume = new TestVolume();
        volume.Add("plain", "a");
        volume.Add("plain", "b");

        var run = await CliRun.Async("drivers", "verify", volume.Path);

        Assert.Multiple(() =>
        {
            Assert.That(run.Exit, Is.EqualTo(1));
            Assert.That(run.Out, Does.Contain("DuplicateId"));
        });
    }

    [TestCase("podman")]
    [TestCase("simulator")]
    public async Task Describe_shows_all_that_a_driver_announces(string id)
    {
        var json = JsonNode.Parse((await CliRun.Async("drivers", "describe", id, "--drivers", CliRun.DriverVolume, "-o", "json")).Out)!;
        var text = (await CliRun.Async("drivers", "describe", Path.Combine(CliRun.DriverVolume, id))).Out;

        Assert.Multiple(() =>
        {
            Assert.That((string?)json["id"], Is.EqualTo(id));
            // A member that the contract gets later must be shown as well.
            Assert.That(json["capabilities"]!.AsObject().Select(c => c.Key), Is.EquivalentTo(typeof(Capabilities).GetProperties().Where(p => p.Name != "EqualityContract").Select(p => Camel(p.Name))));
            Assert.That(json["kinds"]![0]!.AsObject().Select(c => c.Key), Is.EquivalentTo(typeof(KindDescriptor).GetProperties().Select(p => Camel(p.Name))));
            Assert.That(json.AsObject().Select(m => m.Key), Is.SupersetOf(typeof(DriverDescriptor).GetProperties().Select(p => p.Name switch
            {
                nameof(DriverDescriptor.LocationSchema) => "location",
                nameof(DriverDescriptor.SettingsSchema) => "settings",
                var name => Camel(name),
            })));
            Assert.That(json["location"]!["schema"]!["type"]!.GetValue<string>(), Is.EqualTo("object"));
            foreach (var word in (string[])["Kinds", "Capabilities", "Location block", "settings", "Credentials", "Marks", "Abilities", "ADOPTABLE", "Example"])
                Assert.That(text, Does.Contain(word));
        });
    }

    [TestCase("podman", false, "Power", "ConsoleLog", "ImageCatalog", "ChangeFeed", "Usage")]
    [TestCase("simulator", true, "Power", "ConsoleLog", "ImageCatalog", "Offerings", "Quotas", "ChangeFeed", "Usage")]
    public async Task Describe_shows_the_abilities_and_the_kinds_that_can_be_adopted(string id, bool adoptable, params string[] abilities)
    {
        var json = JsonNode.Parse((await CliRun.Async("drivers", "describe", id, "--drivers", CliRun.DriverVolume, "-o", "json")).Out)!;
        var text = (await CliRun.Async("drivers", "describe", id, "--drivers", CliRun.DriverVolume)).Out;

        Assert.Multiple(() =>
        {
            Assert.That(json["abilities"]!.AsArray().Select(a => (string?)a), Is.EqualTo(abilities));
            Assert.That(json["kinds"]!.AsArray().Select(k => (bool?)k!["adoptable"]), Is.All.EqualTo(adoptable));
            Assert.That(text, Does.Contain($"\nAbilities\n  {string.Join(", ", abilities)}\n"));
        });
    }

    [TestCase(0, false, "none")]
    [TestCase(16384, false, "16384 bytes, may be gzip")]
    [TestCase(16384, true, "16384 bytes, may be gzip; CloudInit, Ignition")]
    public void Describe_shows_the_forms_of_user_data(int bytes, bool forms, string expected)
    {
        var capabilities = new Capabilities
        {
            Subnets = SubnetSupport.None, Firewall = FirewallScope.None, IpFamilies = IpFamilySupport.Any, Marks = new MarkLimits { Style = MarkStyle.Tags, MaxLength = 50 },
            MaxUserDataBytes = bytes, UserDataGzip = true, UserDataForms = forms ? [UserDataForm.CloudInit, UserDataForm.Ignition] : [],
        };
        Assert.That(Host.Cli.DriversDescribeCommand.UserData(capabilities), Is.EqualTo(expected));
    }

    [TestCase("podman")]
    [TestCase("simulator")]
    public async Task The_examples_of_describe_validate_against_the_driver_itself(string id)
    {
        using var scratch = new ScratchFolder();
        var text = (await CliRun.Async("drivers", "describe", id, "--drivers", CliRun.DriverVolume)).Out;
        var json = JsonNode.Parse((await CliRun.Async("drivers", "describe", id, "--drivers", CliRun.DriverVolume, "-o", "json")).Out)!;
        var file = scratch.File("example.yaml", text[(text.IndexOf("\nExample\n", StringComparison.Ordinal) + "\nExample\n".Length)..]);

        var run = await CliRun.Async("validate", "-f", file, "--drivers", CliRun.DriverVolume);
        using var block = JsonDocument.Parse(json["examples"]![1]!["spec"]!["provider"]![id]!.ToJsonString());

        Assert.Multiple(() =>
        {
            Assert.That(run.Exit, Is.Zero, run.Out);
            Assert.That(run.Out, Does.StartWith("2 objects in 1 file: valid"));
            Assert.That(SchemaCheck.Validate(json["location"]!["schema"]!.ToJsonString(), block.RootElement, "block"), Is.Null);
        });
    }

    [TestCase("""{"type":"object","required":["a","b","c","d","e"],"properties":{"a":{"type":"string","pattern":"^[a-z]+-[a-z]+[0-9]-[a-z]$"},"b":{"type":"integer","minimum":3},"c":{"type":"string","enum":["x","y"]},"d":{"type":"array","minItems":2,"items":{"type":"string","minLength":30}},"e":{"type":"object","required":["f"],"properties":{"f":{"type":"boolean"}}}}}""", true)]
    [TestCase("""{"type":"object","required":["a"],"properties":{"a":{"type":"string","pattern":"^Q{40}$"}}}""", false)]
    public void An_example_fits_its_schema_or_isnt_given(string schema, bool known)
    {
        var example = Host.Cli.SchemaExample.Of(schema);

        Assert.That(example is not null, Is.EqualTo(known));
        if (example is null)
            return;
        using var value = JsonDocument.Parse(example.ToJsonString());
        Assert.That(SchemaCheck.Validate(schema, value.RootElement, "a"), Is.Null);
    }

    [TestCase("Datum.Providers.Drivers.Simulator", "simulator", "simulator")]
    [TestCase("Datum.Providers.Drivers.Podman", "podman", "podman")]
    public async Task Pack_gives_the_bytes_that_the_build_gives_twice_over(string project, string id, string key)
    {
        using var scratch = new ScratchFolder();
        var first = await CliRun.Async("drivers", "pack", CliRun.ProjectOutput(project), "--to", scratch.At("first"), "--id", id, "--location-key", key, "--archive");
        var second = await CliRun.Async("drivers", "pack", Path.Combine(CliRun.DriverVolume, id), "--to", scratch.At("second"), "--archive");
        var built = Read(Path.Combine(CliRun.DriverVolume, id));

        Assert.Multiple(() =>
        {
            Assert.That((first.Exit, second.Exit), Is.EqualTo((0, 0)), first.Error + second.Error);
            Assert.That(Read(scratch.At($"first/{id}")), Is.EqualTo(built));
            Assert.That(Read(scratch.At($"second/{id}")), Is.EqualTo(built));
            Assert.That(Read(scratch.At("second"), "*.tar.gz"), Is.EqualTo(Read(scratch.At("first"), "*.tar.gz")).And.Not.Empty);
        });
    }

    [Test]
    public async Task The_archive_holds_the_folder_without_times_and_owners()
    {
        using var scratch = new ScratchFolder();
        await CliRun.Async("drivers", "pack", TestVolume.Packed("plain"), "--to", scratch.Path, "--archive");

        using var zip = new GZipStream(File.OpenRead(scratch.At("plain-1.2.3.tar.gz")), CompressionMode.Decompress);
        using var tar = new TarReader(zip);
        List<TarEntry> entries = [];
        while (tar.GetNextEntry(copyData: true) is { } entry)
            entries.Add(entry);

        Assert.Multiple(() =>
        {
            Assert.That(entries.Select(e => e.Name), Is.EqualTo(Directory.GetFiles(TestVolume.Packed("plain")).Select(f => $"plain/{Path.GetFileName(f)}").Order(StringComparer.Ordinal)));
            Assert.That(entries.Select(e => e.ModificationTime), Has.All.EqualTo(DateTimeOffset.UnixEpoch));
            Assert.That(entries.Select(e => (e.Uid, e.Gid)), Has.All.EqualTo((0, 0)));
        });
    }

    [Test]
    public async Task Pack_replaces_a_driver_whole_and_leaves_nothing_of_the_former_one()
    {
        using var volume = new TestVolume();
        using var scratch = new ScratchFolder();
        var source = volume.Add("plain");
        var target = volume.Add("plain", "out/plain");
        File.WriteAllText(Path.Combine(target, "stray.txt"), "");
        File.WriteAllText(Path.Combine(source, "data.txt"), "new");

        var run = await CliRun.Async("drivers", "pack", source, "--to", Path.Combine(volume.Path, "out"), "-o", "json");
        var verified = await CliRun.Async("drivers", "verify", target, "--load");

        Assert.Multiple(() =>
        {
            Assert.That(run.Exit, Is.Zero, run.Error);
            Assert.That(Directory.GetFiles(target).Select(Path.GetFileName), Does.Contain("data.txt").And.Not.Contain("stray.txt"));
            Assert.That(Directory.GetDirectories(Path.Combine(volume.Path, "out")).Select(Path.GetFileName), Is.EqualTo(new[] { "plain" }));
            Assert.That(verified.Exit, Is.Zero, verified.Out);
        });
    }

    [TestCase("Datum.Providers.Abstractions.dll", "whose types pass between host and driver")]
    [TestCase("Microsoft.Extensions.Logging.Abstractions.dll", "whose types pass between host and driver")]
    [TestCase("Datum.Providers.Engine.dll", "belongs to the host")]
    [TestCase("datum-providers.dll", "belongs to the host")]
    public async Task Pack_refuses_an_assembly_of_the_host(string file, string says)
    {
        using var volume = new TestVolume();
        var source = volume.Add("plain");
        var assembly = new[] { typeof(Contract).Assembly, typeof(Microsoft.Extensions.Logging.ILogger).Assembly, typeof(SchemaCheck).Assembly, typeof(Loader.TestVolume).Assembly.GetReferencedAssemblies().Where(a => a.Name == "datum-providers").Select(System.Reflection.Assembly.Load).Single() }
            .Single(a => Path.GetFileName(a.Location) == file);
        File.Copy(assembly.Location, Path.Combine(source, file));

        var run = await CliRun.Async("drivers", "pack", source, "--to", Path.Combine(volume.Path, "out"));

        Assert.Multiple(() =>
        {
            Assert.That(run.Exit, Is.EqualTo(1));
            Assert.That(run.Error, Does.Contain(file).And.Contain(says));
            Assert.That(Directory.Exists(Path.Combine(volume.Path, "out")), Is.False);
        });
    }

    [TestCase("--id", "../escape", "must be 1 to 40")]
    [TestCase("--driver-version", "one", "must be a semantic version")]
    [TestCase("--entry-type", "No Type", "must be the full name of a type")]
    [TestCase("--entry-assembly", "Absent.dll", "isn't in")]
    [TestCase("--contract-min", "9.0", "min 9.0 is above max 1")]
    public async Task Pack_writes_no_folder_that_the_loader_would_refuse(string option, string value, string says)
    {
        using var volume = new TestVolume();
        var source = volume.Add("plain");
        var target = Path.Combine(volume.Path, "out");

        var run = await CliRun.Async("drivers", "pack", source, "--to", target, option, value);

        Assert.Multiple(() =>
        {
            Assert.That(run.Exit, Is.EqualTo(1));
            Assert.That(run.Error, Does.Contain(says));
            Assert.That(Directory.Exists(target) ? Directory.GetFileSystemEntries(target) : [], Is.Empty);
        });
    }

    [Test]
    public async Task Pack_doesnt_touch_a_folder_that_is_no_drivers()
    {
        using var volume = new TestVolume();
        using var scratch = new ScratchFolder();
        var precious = scratch.File("plain/letter.txt", "dear");

        var run = await CliRun.Async("drivers", "pack", volume.Add("plain"), "--to", scratch.Path);

        Assert.Multiple(() =>
        {
            Assert.That(run.Exit, Is.EqualTo(1));
            Assert.That(run.Error, Does.Contain("is no driver's folder"));
            Assert.That(File.ReadAllText(precious), Is.EqualTo("dear"));
        });
    }

    private static Dictionary<string, string> Read(string folder, string pattern = "*") =>
        Directory.GetFiles(folder, pattern).ToDictionary(f => Path.GetFileName(f), f => Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData(File.ReadAllBytes(f))));

    private static string Camel(string name) => char.ToLowerInvariant(name[0]) + name[1..];
}
