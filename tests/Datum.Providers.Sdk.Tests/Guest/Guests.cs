using System.Text;

namespace Datum.Providers.Sdk.Tests.Guest;

/// <summary>Instances, payloads and options that the guest tests share.</summary>
internal static class Guests
{
    public const string Canary = "canary-7f3b-secret";

    public static readonly PayloadReference Config = new() { Name = "app-config", Secret = false, Hash = "c0nf" };
    public static readonly PayloadReference Secret = new() { Name = "app-secret", Secret = true, Hash = "5ecr" };
    public static readonly PayloadReference Pull = new() { Name = "registry", Secret = true, Hash = "9u11" };

    public static GuestOptions Options { get; } = new()
    {
        Form = UserDataForm.CloudInit,
        MaxUserDataBytes = 65536,
        Secrets = SecretRoute.SeedMedium,
        Firewall = FirewallScope.Guest,
        InterfaceDevices = ImmutableDictionary<string, string>.Empty.Add("eth0", "ens3").Add("eth1", "ens4").Add("eth2", "ens5"),
        Beacon = new GuestBeacon { Route = BeaconRoute.Http, Target = "http://10.0.2.100/beacon", Token = "t0ken-of-this-instance" },
    };

    public static GuestPayloads Payloads { get; } = GuestPayloads.Empty
        .With(Config, Map(("color", "blue"), ("app.conf", "listen = 8080\n"), ("other", "x")))
        .With(Secret, Map(("password", Canary), ("tls.key", "-----BEGIN KEY-----\n" + Canary + "\n"), ("more", "y")))
        .With(Pull, Map((".dockerconfigjson", """{"auths":{"registry.example.org":{"username":"me","password":"canary-7f3b-secret"}}}""")));

    public static InstanceSpec Sandbox { get; } = new()
    {
        Hostname = "web-0",
        Size = new InstanceSize { InstanceType = "datumcloud/d1-standard-2", CpuMillis = 2000, MemoryMiB = 4096 },
        TerminationGraceSeconds = 20,
        Sandbox = new SandboxSpec
        {
            PullSecrets = [Pull],
            Containers =
            [
                new ContainerSpec
                {
                    Name = "web",
                    Image = "registry.example.org/web:1",
                    Command = ["/bin/web", "serve"],
                    Args = ["--greeting", "it's $HOME %n \"quoted\""],
                    Environment =
                    [
                        new EnvironmentVariable { Name = "APP_", AllOf = Config },
                        new EnvironmentVariable { Name = "SECRET_", AllOf = Secret },
                        new EnvironmentVariable { Name = "LITERAL", Value = "a b" },
                        new EnvironmentVariable { Name = "COLOR", From = new PayloadKey { Payload = Config, Key = "color" } },
                        new EnvironmentVariable { Name = "PASSWORD", From = new PayloadKey { Payload = Secret, Key = "password" } },
                    ],
                    Ports = [new PortSpec { Name = "http", Port = 8080, Protocol = "TCP" }],
                    Limits = new ContainerLimits { CpuMillis = 500, MemoryMiB = 256 },
                    Mounts =
                    [
                        new MountSpec { Volume = "conf", Path = "/etc/app" },
                        new MountSpec { Volume = "keys", Path = "/etc/keys" },
                        new MountSpec { Volume = "data", Path = "/data" },
                    ],
                },
            ],
        },
        Volumes =
        [
            new VolumeSpec { Name = "conf", Files = new FilesVolume { Payload = Config, Mode = 0x1A0, Items = [new FileItem { Key = "app.conf", Path = "conf.d/app.conf", Mode = 0x180 }] } },
            new VolumeSpec { Name = "keys", Files = new FilesVolume { Payload = Secret } },
            new VolumeSpec { Name = "data", Disk = new DiskVolume { DeviceName = "data", Filesystem = "ext4", Disk = new Reference { Name = "0123" } } },
        ],
        Interfaces =
        [
            new InterfaceSpec { Name = "eth0", Ingress = [new IngressRule { Protocol = "TCP", Port = 8080, EndPort = 8090, Source = "10.0.0.0/8" }] },
            new InterfaceSpec { Name = "eth1", Ingress = [] },
        ],
    };

    public static InstanceSpec Machine { get; } = new()
    {
        Hostname = "vm-0",
        Size = Sandbox.Size,
        TerminationGraceSeconds = 40,
        Machine = new MachineSpec
        {
            BootVolume = "boot",
            SshKeys = ["ana:ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIPz1 ana@example.org", "root:ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIPz2"],
            Ports = [new PortSpec { Name = "ssh", Port = 22, Protocol = "TCP" }],
            Mounts =
            [
                new MountSpec { Volume = "conf", Path = "/etc/app", ReadOnly = true },
                new MountSpec { Volume = "keys", Path = "/etc/keys" },
                new MountSpec { Volume = "data", Path = "/srv/my-data" },
            ],
        },
        Volumes = [new VolumeSpec { Name = "boot", Disk = new DiskVolume { DeviceName = "boot", Image = "datumcloud/debian-12", SizeGiB = 10, Type = "pd-standard" } }, .. Sandbox.Volumes],
        Interfaces = Sandbox.Interfaces,
    };

    public static ImmutableDictionary<string, ReadOnlyMemory<byte>> Map(params (string Key, string Value)[] entries) =>
        entries.ToImmutableDictionary(e => e.Key, e => (ReadOnlyMemory<byte>)Encoding.UTF8.GetBytes(e.Value));

    /// <summary>The sandbox with its container changed.</summary>
    public static InstanceSpec With(Func<ContainerSpec, ContainerSpec> change) =>
        Sandbox with { Sandbox = Sandbox.Sandbox! with { Containers = [change(Sandbox.Sandbox.Containers[0])] } };

    /// <summary>Renders and demands that nothing is refused.</summary>
    public static GuestBootstrap Render(InstanceSpec spec, GuestOptions? options = null, GuestPayloads? payloads = null)
    {
        var rendered = GuestBootstrap.Render(spec, payloads ?? Payloads, options ?? Options);
        Assert.That(rendered.Findings.Select(f => $"{f.Path}: {f.Message}"), Is.Empty);
        return rendered;
    }

    /// <summary>The findings as "path" texts.</summary>
    public static string[] Refused(InstanceSpec spec, GuestOptions? options = null, GuestPayloads? payloads = null) =>
        [.. GuestBootstrap.Render(spec, payloads ?? Payloads, options ?? Options).Findings.Select(f => f.Path)];
}
