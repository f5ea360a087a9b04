using Datum.Providers.Faults.Tests.World;
using Datum.Providers.Kubernetes;
using Datum.Providers.Resources.Compute;
using Datum.Providers.Resources.Networking;
using Instance = Datum.Providers.Resources.Compute.Instance;

namespace Datum.Providers.Faults.Tests.Plans;

/// <summary>
/// A short random life of the engine alone, on objects as Datum's controllers leave them: several times as many of these fit into an hour as of
/// <see cref="RandomRun"/>, with the same platform, faults, kills and oracle.
/// </summary>
internal static class EngineRun
{
    public static async Task<PlanResult> RunAsync(int seed, bool details)
    {
        var random = new Random(seed);
        using var world = new FaultWorld(RandomRun.OptionsOf(seed, random) with { HasCore = false }, null) { Chaos = new Chaos(random, random.Next(1, 5), 0.04) };
        return await RandomRun.JudgeAsync(world, details, async () =>
        {
            world.CreateNetwork();
            world.Create(ResourceTypes.NetworkContexts, new NetworkContext
            {
                Metadata = { Name = "default-here", Namespace = FaultWorld.Namespace },
                Spec = { Network = { Name = "default" }, Location = { Name = "here", Namespace = FaultWorld.Namespace } },
            });
            CreateSubnet(world);
            var wanted = random.Next(0, 3);
            for (var i = 0; i < wanted; i++)
                CreateInstance(world, i);
            for (var edits = random.Next(1, 5); edits > 0; edits--)
            {
                await world.AdvanceAsync(TimeSpan.FromSeconds(random.Next(0, 20)));
                Edit(world, random);
            }
            world.EditConfig(c => c.Spec.Management!.Paused = null);
            if (random.Next(3) > 0)
            {
                foreach (var instance in Ours(world).Where(i => !i.IsDeleting))
                    world.Delete(ResourceTypes.Instances, instance.Metadata.Name!);
                world.Delete(ResourceTypes.Subnets, "default-here-v4");
                world.Delete(ResourceTypes.NetworkContexts, "default-here");
                world.Delete(ResourceTypes.Networks, "default");
                return ("nothing is left", () => world.NothingIsLeft);
            }
            return ("every instance runs", () => world.AtRest && Ours(world).All(i => Conditions.IsTrue(i.Status?.Conditions, ConditionTypes.Running))
                && world.Servers.Length == Ours(world).Count() && world.Servers.All(s => s.State == "READY"));
        });
    }

    private static IEnumerable<Instance> Ours(FaultWorld world) => world.Instances.Where(i => i.Metadata.Namespace == FaultWorld.Namespace);

    private static void CreateSubnet(FaultWorld world)
    {
        world.Create(ResourceTypes.Subnets, new Subnet
        {
            Metadata = { Name = "default-here-v4", Namespace = FaultWorld.Namespace },
            Spec =
            {
                SubnetClass = "private", IpFamily = "IPv4", NetworkContext = { Name = "default-here" }, Location = { Name = "here", Namespace = FaultWorld.Namespace },
                StartAddress = "10.128.0.0", PrefixLength = 20,
            },
        });
        world.Plane.EditStatus(ResourceTypes.Subnets, FaultWorld.Namespace, "default-here-v4", s => s.Status = new SubnetStatus
        {
            StartAddress = "10.128.0.0", PrefixLength = 20,
            Conditions = [new Condition { Type = ConditionTypes.Allocated, Status = "True", Reason = "PrefixAllocated", Message = "", LastTransitionTime = world.Time.Now }],
        });
    }

    private static void CreateInstance(FaultWorld world, int ordinal) => world.Create(ResourceTypes.Instances, new Instance
    {
        Metadata = { Name = $"web-{ordinal}", Namespace = FaultWorld.Namespace },
        Spec =
        {
            Runtime = new InstanceRuntime
            {
                Resources = { InstanceType = "datumcloud/d1-standard-2" },
                Sandbox = new SandboxRuntime { Containers = [new SandboxContainer { Name = "web", Image = "web:1", EnvFrom = [new() { SecretRef = new() { Name = "app" } }] }] },
            },
            NetworkInterfaces =
            [
                new InstanceNetworkInterface
                {
                    Network = { Name = "default" }, NetworkPolicy = new InterfaceNetworkPolicy { Ingress = [new NetworkPolicyIngressRule { Ports = [new NetworkPolicyPort { Port = 80 }] }] },
                },
            ],
            Location = new LocationReference { Name = "here", Namespace = FaultWorld.Namespace },
            Controller = new InstanceControllerSpec { TemplateHash = "h1" },
        },
    });

    private static void Edit(FaultWorld world, Random random)
    {
        var instance = Ours(world).Where(i => !i.IsDeleting).MinBy(i => i.Metadata.Name, StringComparer.Ordinal);
        switch (random.Next(8))
        {
            case 0 when instance is not null:
                world.Plane.Edit(ResourceTypes.Instances, FaultWorld.Namespace, instance.Metadata.Name!, i =>
                {
                    i.Spec.Runtime.Sandbox!.Containers[0].Image = i.Spec.Runtime.Sandbox.Containers[0].Image == "web:1" ? "web:2" : "web:1";
                    i.Spec.Controller!.TemplateHash = i.Spec.Runtime.Sandbox.Containers[0].Image;
                });
                break;
            case 1 when instance is not null:
                world.Plane.Edit(ResourceTypes.Instances, FaultWorld.Namespace, instance.Metadata.Name!,
                    i => i.Spec.NetworkInterfaces[0].NetworkPolicy!.Ingress!.Add(new NetworkPolicyIngressRule { Ports = [new NetworkPolicyPort { Port = random.Next(1000, 9000) }] }));
                break;
            case 2 when instance is not null:
                world.Delete(ResourceTypes.Instances, instance.Metadata.Name!);
                break;
            case 3:
                CreateInstance(world, 10 + random.Next(1_000_000));
                break;
            default:
                RandomRun.Happen(world, random.Next(4));
                break;
        }
    }
}
