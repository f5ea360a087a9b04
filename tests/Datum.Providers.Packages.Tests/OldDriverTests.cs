using System.IO.Compression;
using Datum.Providers.Testing;

namespace Datum.Providers.Packages.Tests;

/// <summary>A driver that was built from the frozen contract, with dependencies of its own, loads in the host of today and works.</summary>
[Category("Slow")]
public sealed class OldDriverTests
{
    private const string Project = """
        <Project Sdk="Microsoft.NET.Sdk">
          <PropertyGroup>
            <TargetFramework>net10.0</TargetFramework>
            <Nullable>enable</Nullable>
            <Version>1.2.3</Version>
            <DriverId>old-folder</DriverId>
            <DriverEntryType>OldDriver.FolderDriverFactory</DriverEntryType>
            <DriverLocationKey>oldFolder</DriverLocationKey>
            <TreatWarningsAsErrors>true</TreatWarningsAsErrors>
          </PropertyGroup>
          <ItemGroup>
            <PackageReference Include="Datum.Providers.Abstractions" Version="[1.0.0]" />
            <PackageReference Include="Acme.Native" Version="[1.0.0]" />
            <PackageReference Include="Newtonsoft.Json" Version="[13.0.4]" />
          </ItemGroup>
        </Project>
        """;

    private const string Manifests = """
        apiVersion: providers.datumapis.com/v1alpha1
        kind: ProviderConfig
        metadata: { name: old }
        spec:
          driver: old-folder
          locations: { classNames: [old] }
          settings: { path: FOLDER }
        ---
        apiVersion: networking.datumapis.com/v1alpha
        kind: Location
        metadata: { name: old, namespace: default }
        spec:
          locationClassName: old
          topology: { topology.datum.net/city-code: DFW }
          provider: { oldFolder: {} }
        ---

        """;

    [Test]
    public async Task A_driver_of_the_frozen_contract_is_packed_loads_and_runs_a_Workload()
    {
        using var space = Workspace.Create();
        var source = Directory.CreateDirectory(Path.Combine(space.Folder, "old")).FullName;
        var volume = Path.Combine(source, "drivers");
        var folder = Path.Combine(volume, "old-folder");
        // Only this package of ours is in the feed: nothing of today can creep in.
        File.Copy(Repository.Path("build/contract/Datum.Providers.Abstractions.1.0.0.nupkg"), Path.Combine(space.Feed, "Datum.Providers.Abstractions.1.0.0.nupkg"));
        WriteNativePackage(space.Feed);
        foreach (var file in Directory.EnumerateFiles(Repository.Path("tests/Datum.Providers.Packages.Tests/OldDriver"), "*.cs"))
            File.Copy(file, Path.Combine(source, Path.GetFileName(file)));
        await File.WriteAllTextAsync(Path.Combine(source, "OldDriver.csproj"), Project);

        await Tool.DotnetAsync(space, source, "build", "-v", "q");

        Assert.That(Directory.EnumerateFiles(folder, "*", SearchOption.AllDirectories).Select(f => Path.GetRelativePath(folder, f)), Is.EquivalentTo(new[]
        {
            "driver.json", "OldDriver.dll", "OldDriver.deps.json", "Newtonsoft.Json.dll",
            "runtimes/linux-x64/native/libacme.so", "runtimes/linux-arm64/native/libacme.so",
        }));
        var verified = await Tool.HostAsync(space, "drivers", "verify", folder, "--load");
        TestContext.Out.WriteLine(verified);
        await RunAsync(space, volume);
    }

    private static async Task RunAsync(Workspace space, string volume)
    {
        var platform = Directory.CreateDirectory(Path.Combine(space.Folder, "platform")).FullName;
        var kubeconfig = Path.Combine(space.Folder, "kubeconfig");
        var kubectl = new Kubectl(kubeconfig, space.Folder);
        await using var host = Tool.Start(space, space.Folder, "dotnet", Repository.HostProgram, "dev", "--drivers", volume, "--kubeconfig", kubeconfig);
        await host.SaysAsync("Ready, process", TimeSpan.FromSeconds(60));
        var workload = await File.ReadAllTextAsync(Repository.Path("deploy/samples/12-workload-nginx-workload.yaml"));
        var network = await File.ReadAllTextAsync(Repository.Path("deploy/samples/11-network-default.yaml"));
        await kubectl.ApplyAsync(Manifests.Replace("FOLDER", platform, StringComparison.Ordinal) + network + "\n---\n" + workload, "default");

        await Eventually.TrueAsync(async () => (await kubectl.RunAsync("get", "workloads.compute.datumapis.com", "-n", "default",
            "-o", "jsonpath={.items[*].status.conditions[?(@.type==\"Available\")].status}")).Trim() == "True", TimeSpan.FromSeconds(90), "the Workload is Available", host.Log);
        Assert.That(Directory.EnumerateFiles(platform).Count(), Is.EqualTo(2), "a network and an instance");

        await kubectl.WithInputAsync(network + "\n---\n" + workload, "delete", "-n", "default", "--wait=false", "-f", "-");
        await Eventually.TrueAsync(() => Task.FromResult(!Directory.EnumerateFiles(platform).Any()), TimeSpan.FromSeconds(90), "the platform is empty", host.Log);
    }

    // As somebody's package with native files is made; what they hold doesn't matter to the packing.
    private static void WriteNativePackage(string feed)
    {
        using var package = ZipFile.Open(Path.Combine(feed, "Acme.Native.1.0.0.nupkg"), ZipArchiveMode.Create);
        Write("Acme.Native.nuspec", """
            <package xmlns="http://schemas.microsoft.com/packaging/2012/06/nuspec.xsd">
              <metadata><id>Acme.Native</id><version>1.0.0</version><authors>Acme</authors><description>Native files.</description></metadata>
            </package>
            """);
        Write("lib/net10.0/_._", "");
        Write("runtimes/linux-x64/native/libacme.so", "x64");
        Write("runtimes/linux-arm64/native/libacme.so", "arm64");

        void Write(string name, string text)
        {
            using var stream = new StreamWriter(package.CreateEntry(name).Open());
            stream.Write(text);
        }
    }
}
