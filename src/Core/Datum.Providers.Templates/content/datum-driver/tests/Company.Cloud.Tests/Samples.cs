namespace Company_Cloud.Tests;

/// <summary>Wishes that the kit makes: one that works, its changes, and some that must be refused.</summary>
internal static class Samples
{
    public static Sample? Of(ResourceKind kind) => kind switch
    {
        ResourceKind.Network => Network,
        ResourceKind.Instance => Instance,
        _ => null,
    };

    private static Sample Network { get; } = new()
    {
        Valid = NetworkOf,
        InPlace = c => NetworkOf(c) with { Mtu = 1420 },
        Invalid =
        [
            new() { Why = "no range", Spec = c => NetworkOf(c) with { Ranges = [] }, Paths = ["ranges"], Capability = "rangeOrder" },
            new() { Why = "a range with host bits", Spec = c => NetworkOf(c) with { Ranges = ["10.0.0.1/20"] }, Paths = ["ranges"] },
            new() { Why = "an IPv6 range", Spec = c => NetworkOf(c) with { Ranges = ["fd20::/64"] }, Paths = ["ranges"], Capability = "ipFamilies" },
            new() { Why = "IPv6", Spec = c => NetworkOf(c) with { IpFamilies = ["IPv4", "IPv6"] }, Paths = ["ipFamilies"], Capability = "ipFamilies" },
            new() { Why = "an MTU of 100", Spec = c => NetworkOf(c) with { Mtu = 100 }, Paths = ["mtu"] },
        ],
    };

    private static Sample Instance { get; } = new()
    {
        Needs = [ResourceKind.Network],
        Valid = InstanceOf,
        InPlace = c => WithNic(c, nic => nic with { Ingress = [new IngressRule { Protocol = "TCP", Port = 443, Source = "0.0.0.0/0" }] }),
        Replacement = c => WithContainer(c, container => container with { Image = "registry.example/web:2" }),
        Invalid =
        [
            new() { Why = "a chosen address", Spec = c => WithNic(c, nic => nic with { Addresses = ["10.0.0.9"] }), Paths = ["interfaces[eth0].addresses"], Capability = "choosesAddress" },
            new() { Why = "no interface", Spec = c => InstanceOf(c) with { Interfaces = [] }, Paths = ["interfaces"], Capability = "maxInterfaces" },
            new()
            {
                Why = "a volume",
                Spec = c => InstanceOf(c) with { Volumes = [new VolumeSpec { Name = "data", Disk = new DiskVolume { DeviceName = "data", Disk = new Reference { Name = new string('d', 32) } } }] },
                Paths = ["volumes[data]"],
                Capability = "volumes",
            },
            new()
            {
                Why = "a variable from a secret",
                Spec = c => WithContainer(c, container => container with
                {
                    Environment = [new EnvironmentVariable { Name = "TOKEN", From = new PayloadKey { Key = "token", Payload = new PayloadReference { Name = "app", Secret = true } } }],
                }),
                Paths = ["sandbox.containers[web].environment[TOKEN]"],
                Capability = "secrets",
            },
            new() { Why = "no zone", Spec = c => InstanceOf(c) with { LocationJson = "{}" }, Paths = ["location.zone"] },
        ],
    };

    private static NetworkSpec NetworkOf(SampleContext c) => new() { Ranges = [$"10.{c.Number}.0.0/20"], IpFamilies = ["IPv4"], Mtu = 1400 };

    private static InstanceSpec InstanceOf(SampleContext c) => new()
    {
        LocationJson = """{"zone":"a"}""",
        Hostname = $"web-{c.Number}",
        Size = new InstanceSize { InstanceType = "datumcloud/d1-standard-2", CpuMillis = 2000, MemoryMiB = 8192 },
        Sandbox = new SandboxSpec
        {
            Containers =
            [
                new ContainerSpec
                {
                    Name = "web",
                    Image = "registry.example/web:1",
                    Environment = [new EnvironmentVariable { Name = "MODE", Value = "test" }],
                    Ports = [new PortSpec { Name = "http", Port = 8080, Protocol = "TCP" }],
                },
            ],
        },
        Interfaces =
        [
            new InterfaceSpec
            {
                Name = "eth0",
                Network = c.Refer(ResourceKind.Network),
                Ingress = [new IngressRule { Protocol = "TCP", Port = 8080, Source = "0.0.0.0/0" }],
            },
        ],
    };

    private static InstanceSpec WithNic(SampleContext c, Func<InterfaceSpec, InterfaceSpec> change)
    {
        var spec = InstanceOf(c);
        return spec with { Interfaces = [change(spec.Interfaces[0])] };
    }

    private static InstanceSpec WithContainer(SampleContext c, Func<ContainerSpec, ContainerSpec> change)
    {
        var spec = InstanceOf(c);
        return spec with { Sandbox = spec.Sandbox! with { Containers = [change(spec.Sandbox.Containers[0])] } };
    }
}
