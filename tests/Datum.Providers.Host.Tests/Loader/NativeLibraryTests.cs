using System.Diagnostics;
using System.Runtime.InteropServices;
using System.Text.Json.Nodes;
using Datum.Providers.Host.Loader;

namespace Datum.Providers.Host.Tests.Loader;

/// <summary>Native libraries of drivers: compiled here, packed as NuGet packages have them, called through P/Invoke.</summary>
[System.Runtime.Versioning.UnsupportedOSPlatform("windows")]
public sealed class NativeLibraryTests
{
    private static readonly string Native = $"runtimes/{RuntimeInformation.RuntimeIdentifier}/native";

    // Kept until the process ends, as the host keeps them: the system takes a new file with the inode of a removed one for the library that it has loaded.
    private static readonly string Copies = Path.Combine(Path.GetTempPath(), $"datum-native-tests-{Environment.ProcessId}");

    private static int s_builds;

    private TestVolume _volume = null!;
    private string _scratch = null!;

    static NativeLibraryTests() => AppDomain.CurrentDomain.ProcessExit += (_, _) =>
    {
        if (Directory.Exists(Copies))
            Directory.Delete(Copies, recursive: true);
    };

    [SetUp]
    public void SetUp()
    {
        if (!File.Exists("/usr/bin/gcc"))
            Assert.Ignore("gcc isn't installed: native libraries of drivers are not tested here");
        _volume = new TestVolume();
        _scratch = Directory.CreateTempSubdirectory("datum-native-test-").FullName;
    }

    [TearDown]
    public void TearDown()
    {
        if (_volume is null)
            return;
        _volume.Dispose();
        Directory.Delete(_scratch, recursive: true);
    }

    [Test]
    public async Task A_library_and_its_neighbour_are_loaded_from_copies_of_what_was_verified()
    {
        var folder = Add("special", "NativeFactory", 40);
        var catalog = TestVolume.Load(Options);
        var driver = catalog.Drivers.Single();
        var neighbour = $"libdatumneighbour-special-{s_builds}.so";
        Assert.That(driver.NativeLibraries.Select(n => (n.File, n.LoadedFrom)), Is.EqualTo(new[] { ($"{Native}/{neighbour}", (string?)null), ($"{Native}/libdatumtest.so", null) }));

        Assert.That(await ProbeAsync(driver), Is.EqualTo("42"), "40 of the neighbour and 2 of its own");
        var loaded = driver.NativeLibraries.Single(n => n.LoadedFrom is not null);
        Assert.Multiple(() =>
        {
            Assert.That(loaded.LoadedFrom, Does.StartWith(Copies).And.Not.StartWith(folder));
            Assert.That(DriverVerifier.Digest(File.ReadAllBytes(loaded.LoadedFrom!)), Is.EqualTo(loaded.Digest));
            Assert.That(File.GetUnixFileMode(loaded.LoadedFrom!), Is.EqualTo(UnixFileMode.UserRead | UnixFileMode.UserExecute));
            var maps = File.ReadAllLines("/proc/self/maps");
            Assert.That(maps.Where(l => l.Contains(neighbour, StringComparison.Ordinal)), Is.Not.Empty.And.All.Contain(Copies), "$ORIGIN is the copy's folder");
            Assert.That(maps.Where(l => l.Contains(folder, StringComparison.Ordinal)), Is.Empty);
        });
    }

    [Test]
    public async Task Two_drivers_run_different_libraries_of_one_name_side_by_side()
    {
        Add("special-a", "NativeFactory", 10, id: "special");
        Add("special-b", "OtherNativeFactory", 20, id: "special-other");
        var catalog = TestVolume.Load(Options);

        Assert.That(catalog.Rejections, Is.Empty);
        Assert.That(await ProbeAsync(catalog.ById("special")!), Is.EqualTo("12"));
        Assert.That(await ProbeAsync(catalog.ById("special-other")!), Is.EqualTo("22"));
    }

    [Test]
    public async Task A_library_that_deps_json_does_not_name_is_found_at_the_usual_places()
    {
        Add("special", "NativeFactory", 3, describe: false);
        Assert.That(await ProbeAsync(TestVolume.Load(Options).Drivers.Single()), Is.EqualTo("5"));
    }

    [Test]
    public async Task A_library_that_changed_after_the_look_is_not_loaded()
    {
        var folder = Add("special", "NativeFactory", 7);
        var driver = TestVolume.Load(Options).Drivers.Single();
        File.AppendAllText(Path.Combine(folder, Native, "libdatumtest.so"), "x");

        using var host = new TestHost();
        await using var session = await driver.Factory.ConnectAsync(host, new Connection { Installation = "test" }, default);
        var error = (await session.ProbeAsync(TestHost.Call())).Error!;
        Assert.That((error.Code, error.Message), Is.EqualTo((ErrorCode.Bug, error.Message)));
        Assert.That(error.Message, Does.Contain("libdatumtest.so of driver special changed after it was verified"));
    }

    [Test]
    public void A_flipped_bit_in_a_library_is_refused_before_any_code_runs()
    {
        var path = Path.Combine(Add("special", "NativeFactory", 7), Native, $"libdatumneighbour-special-{s_builds}.so");
        var bytes = File.ReadAllBytes(path);
        bytes[^1] ^= 1;
        File.WriteAllBytes(path, bytes);
        Assert.That(TestVolume.Load(Options).Rejections.Single().Reason, Is.EqualTo(DriverRejectionReason.DigestMismatch));
    }

    [Test]
    public async Task What_a_killed_process_left_is_removed_and_what_a_living_one_uses_stays()
    {
        var copies = Directory.CreateDirectory(Copies).FullName;
        var dead = Directory.CreateDirectory(Path.Combine(copies, "datum-native-1-dead-0")).FullName;
        await File.WriteAllTextAsync(Path.Combine(dead, ".lock"), "");
        var living = Directory.CreateDirectory(Path.Combine(copies, "datum-native-1-living-0")).FullName;
        await using var held = new FileStream(Path.Combine(living, ".lock"), FileMode.Create, FileAccess.ReadWrite, FileShare.None);
        Add("special", "NativeFactory", 1);
        Assert.That(await ProbeAsync(TestVolume.Load(Options).Drivers.Single()), Is.EqualTo("3"));
        Assert.That((Directory.Exists(dead), Directory.Exists(living)), Is.EqualTo((false, true)));
    }

    private DriverVolumeOptions Options => _volume.Options with { NativePath = Copies };

    /// <summary>A driver whose library answers <paramref name="number"/> (of its neighbour, found by $ORIGIN) plus 2.</summary>
    private string Add(string folder, string entryType, int number, string id = "special", bool describe = true)
    {
        var build = Directory.CreateDirectory(Path.Combine(_scratch, "build-" + folder)).FullName;
        // A SONAME of its own: the system has one library of each SONAME in a process.
        var neighbour = $"libdatumneighbour-{id}-{++s_builds}.so";
        File.WriteAllText(Path.Combine(build, "n.c"), $"int datum_neighbour(void) {{ return {number}; }}\n");
        File.WriteAllText(Path.Combine(build, "t.c"), "int datum_neighbour(void);\nint datum_number(void) { return datum_neighbour() + 2; }\n");
        Compile(build, "-shared", "-fPIC", $"-Wl,-soname,{neighbour}", "-o", neighbour, "n.c");
        Compile(build, "-shared", "-fPIC", "-Wl,-soname,libdatumtest.so", "-Wl,-rpath,$ORIGIN", "-o", "libdatumtest.so", "t.c", neighbour);

        var target = _volume.Add("special", folder, m => (m["id"], m["locationKey"], m["entryType"]) = (id, id, "TestDrivers." + entryType));
        string[] libraries = [neighbour, "libdatumtest.so"];
        foreach (var library in libraries)
            TestVolume.AddListed(target, Path.Combine(build, library), $"{Native}/{library}");
        if (describe)
            Describe(target, libraries);
        return target;
    }

    /// <summary>As the SDK writes it for a package with libraries for several systems.</summary>
    private static void Describe(string folder, string[] libraries)
    {
        var path = Directory.GetFiles(folder, "*.deps.json").Single();
        var deps = JsonNode.Parse(File.ReadAllText(path))!;
        var own = deps["targets"]!.AsObject().First().Value!.AsObject().First().Value!.AsObject();
        own["runtimeTargets"] = new JsonObject(libraries.Select(l => KeyValuePair.Create($"{Native}/{l}",
            (JsonNode?)new JsonObject { ["rid"] = RuntimeInformation.RuntimeIdentifier, ["assetType"] = "native" })));
        File.WriteAllText(path, deps.ToJsonString());
        TestVolume.Edit(folder, m => m["files"]![Path.GetFileName(path)] = DriverVerifier.Digest(File.ReadAllBytes(path)));
    }

    private static async Task<string?> ProbeAsync(LoadedDriver driver)
    {
        using var host = new TestHost();
        await using var session = await driver.Factory.ConnectAsync(host, new Connection { Installation = "test" }, default);
        var answer = await session.ProbeAsync(TestHost.Call());
        return answer.Value?.PlatformVersion ?? answer.Error?.Message;
    }

    private static void Compile(string folder, params string[] arguments)
    {
        using var gcc = Process.Start(new ProcessStartInfo("gcc", arguments) { WorkingDirectory = folder, RedirectStandardError = true })!;
        var said = gcc.StandardError.ReadToEnd();
        gcc.WaitForExit();
        Assert.That(gcc.ExitCode, Is.Zero, said);
    }
}
