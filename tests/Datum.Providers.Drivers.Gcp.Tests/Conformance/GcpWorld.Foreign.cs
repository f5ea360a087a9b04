using System.Text.Json.Nodes;
using Datum.Providers.Clouds;
using Datum.Providers.Sdk;

namespace Datum.Providers.Drivers.Gcp.Tests.Conformance;

/// <summary>What others make at the platform, by its API.</summary>
internal sealed partial class GcpWorld
{
    private const string Compute = "/compute/v1/projects/demo-project/";

    public ValueTask<string> MakeForeignAsync(Identity identity, string part)
    {
        var kind = identity.Kind;
        var markPart = kind == ResourceKind.Instance && part == "secret" ? "secret" : null;
        var name = ResourceNames.For(identity, GcpContext.Names, markPart);
        if (kind == ResourceKind.Secret || markPart is not null)
        {
            Send("POST", $"/v1/projects/demo-project/secrets?secretId={name}", new JsonObject { ["replication"] = new JsonObject { ["automatic"] = new JsonObject() } });
            return new("secrets/" + name);
        }

        var (scope, body) = kind switch
        {
            ResourceKind.Network => ("global", new JsonObject { ["autoCreateSubnetworks"] = false }),
            ResourceKind.Subnet => ("regions/us-central1", new JsonObject { ["network"] = AnyNetwork(), ["ipCidrRange"] = "10.250.0.0/24" }),
            ResourceKind.Firewall => ("global", new JsonObject { ["network"] = AnyNetwork(), ["allowed"] = new JsonArray(new JsonObject { ["IPProtocol"] = "tcp" }) }),
            ResourceKind.Address => ("regions/us-central1", new JsonObject()),
            ResourceKind.Disk => ("zones/us-central1-a", new JsonObject { ["sizeGb"] = "10" }),
            _ => ("zones/us-central1-a", Machine(AnySubnet(), name)),
        };
        return new(Insert(scope, CollectionOf(kind), name, body));
    }

    public ValueTask<string?> BlockAsync(ResourceKind kind, Part part)
    {
        var holder = $"users-{++_made}";
        switch (kind)
        {
            case ResourceKind.Network:
                return new(Insert("global", "firewalls", holder, new JsonObject { ["network"] = part.Id, ["allowed"] = new JsonArray(new JsonObject { ["IPProtocol"] = "tcp" }) }));
            case ResourceKind.Subnet:
                return new(Insert("zones/us-central1-a", "instances", holder, Machine(part.Id, holder)));
            case ResourceKind.Disk:
                // A machine of a person's own, in a network of that person's own.
                Insert("global", "networks", holder, new JsonObject { ["autoCreateSubnetworks"] = false });
                var subnet = Insert("regions/us-central1", "subnetworks", holder, new JsonObject { ["network"] = "global/networks/" + holder, ["ipCidrRange"] = "10.251.0.0/24" });
                var machine = Insert("zones/us-central1-a", "instances", holder, Machine(subnet, holder));
                Send("POST", $"{Compute}{machine}/attachDisk", new JsonObject { ["source"] = $"projects/demo-project/{part.Id}" });
                PassUntilDone();
                return new(machine);
            case ResourceKind.Address:
                Cloud.Edit(part.Id, b => b["users"] = new JsonArray("https://www.googleapis.com/compute/v1/projects/demo-project/regions/us-central1/forwardingRules/users"));
                return new("regions/us-central1/forwardingRules/users");
            default:
                return new((string?)null);
        }
    }

    private static JsonObject Machine(string subnet, string name) => new()
    {
        ["machineType"] = "zones/us-central1-a/machineTypes/e2-micro",
        ["disks"] = new JsonArray(new JsonObject
        {
            ["boot"] = true,
            ["autoDelete"] = true,
            ["initializeParams"] = new JsonObject { ["diskName"] = name + "-boot", ["sourceImage"] = "projects/debian-cloud/global/images/family/debian-12" },
        }),
        ["networkInterfaces"] = new JsonArray(new JsonObject { ["subnetwork"] = $"projects/demo-project/{subnet}" }),
    };

    private string AnyNetwork() => Cloud.Objects.Where(o => o.Collection == "networks").Select(o => "projects/demo-project/" + o.Path).FirstOrDefault()
        ?? "projects/demo-project/" + Insert("global", "networks", $"users-net-{++_made}", new JsonObject { ["autoCreateSubnetworks"] = false });

    private string AnySubnet() => Cloud.Objects.Where(o => o.Collection == "subnetworks").Select(o => o.Path).FirstOrDefault()
        ?? Insert("regions/us-central1", "subnetworks", $"users-sub-{++_made}", new JsonObject { ["network"] = AnyNetwork(), ["ipCidrRange"] = "10.252.0.0/24" });

    private string Insert(string scope, string collection, string name, JsonObject body)
    {
        body["name"] = name;
        Send("POST", $"{Compute}{scope}/{collection}", body);
        PassUntilDone();
        return $"{scope}/{collection}/{name}";
    }

    private void PassUntilDone()
    {
        if (Cloud.Knobs.DefaultDuration > TimeSpan.Zero)
            _clock.Advance(Cloud.Knobs.DefaultDuration);
    }

    /// <summary>A request of somebody else's; fails where the platform refuses it.</summary>
    private void Send(string method, string target, JsonObject body)
    {
        var question = target.IndexOf('?', StringComparison.Ordinal);
        var knobs = Cloud.Knobs;
        Cloud.Knobs = knobs with { NeedsToken = false };
        var answer = Cloud.Handle(new CloudRequest
        {
            Method = method,
            Path = question < 0 ? target : target[..question],
            Query = CloudRequest.ParseQuery(question < 0 ? "" : target[question..]),
            Body = System.Text.Encoding.UTF8.GetBytes(body.ToJsonString()),
        });
        Cloud.Knobs = knobs;
        if (answer.Status >= 300)
            throw new InvalidOperationException($"{method} {target}: {answer.Status} {System.Text.Encoding.UTF8.GetString(answer.Body.Span)}");
    }
}
