using System.Collections;
using System.Collections.Immutable;
using System.Reflection;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Datum.Providers.Abstractions.Tests;

/// <summary>The ledger keeps specs and facts as JSON for years: what is written is read again by every later minor.</summary>
[TestFixture(typeof(NetworkSpec))]
[TestFixture(typeof(SubnetSpec))]
[TestFixture(typeof(FirewallSpec))]
[TestFixture(typeof(AddressSpec))]
[TestFixture(typeof(DiskSpec))]
[TestFixture(typeof(SecretSpec))]
[TestFixture(typeof(InstanceSpec))]
[TestFixture(typeof(NetworkFacts))]
[TestFixture(typeof(SubnetFacts))]
[TestFixture(typeof(FirewallFacts))]
[TestFixture(typeof(AddressFacts))]
[TestFixture(typeof(DiskFacts))]
[TestFixture(typeof(SecretFacts))]
[TestFixture(typeof(InstanceFacts))]
[TestFixture(typeof(AccountFacts))]
[TestFixture(typeof(Capabilities))]
[TestFixture(typeof(Handle))]
[TestFixture(typeof(Part))]
public sealed class ContractJsonTests<T> where T : class
{
    [Test]
    public void Everything_that_is_written_is_read_again()
    {
        var written = ContractJson.Write(Samples.Full<T>());
        Assert.That(ContractJson.Write(ContractJson.Read<T>(written)).GetRawText(), Is.EqualTo(written.GetRawText()));
    }

    [Test]
    public void No_member_is_left_out_when_writing()
    {
        var written = ContractJson.Write(Samples.Full<T>());
        var members = typeof(T).GetProperties().Where(p => p.SetMethod is not null).Select(p => JsonNamingPolicy.CamelCase.ConvertName(p.Name));
        Assert.That(members.Where(m => !written.TryGetProperty(m, out _)), Is.Empty);
    }

    [Test]
    public void Absent_members_are_read_as_their_neutral_values()
    {
        var required = typeof(T).GetProperties().Where(Surface.IsRequired).Select(p => JsonNamingPolicy.CamelCase.ConvertName(p.Name)).ToHashSet(StringComparer.Ordinal);
        var json = (JsonObject)JsonNode.Parse(ContractJson.Write(Samples.Minimal<T>()).GetRawText())!;
        foreach (var name in json.Select(m => m.Key).Where(k => !required.Contains(k)).ToList())
            json.Remove(name);

        var read = ContractJson.Read<T>(JsonSerializer.SerializeToElement(json));

        Assert.Multiple(() =>
        {
            foreach (var property in typeof(T).GetProperties().Where(p => p.SetMethod is not null && !Surface.IsRequired(p)))
                Assert.That(IsNeutral(property.GetValue(read)), $"{property.Name} is {property.GetValue(read)}");
        });
        Assert.DoesNotThrow(() => ContractJson.Write(read));
    }

    [Test]
    public void A_missing_required_member_is_refused_by_name()
    {
        var whole = (JsonObject)JsonNode.Parse(ContractJson.Write(Samples.Full<T>()).GetRawText())!;
        var required = typeof(T).GetProperties().Where(Surface.IsRequired).Select(p => JsonNamingPolicy.CamelCase.ConvertName(p.Name));
        Assert.Multiple(() =>
        {
            foreach (var name in required)
            {
                var part = (JsonObject)whole.DeepClone();
                part.Remove(name);
                Assert.That(Assert.Throws<JsonException>(() => ContractJson.Read<T>(JsonSerializer.SerializeToElement(part)))!.Message, Does.Contain(name));
            }
        });
    }

    [Test]
    public void Members_that_a_later_minor_adds_are_passed_over_at_every_depth()
    {
        var written = ContractJson.Write(Samples.Full<T>());
        var later = JsonNode.Parse(written.GetRawText())!;
        AddUnknown(later);
        Assert.That(ContractJson.Write(ContractJson.Read<T>(JsonSerializer.SerializeToElement(later))).GetRawText(), Is.EqualTo(written.GetRawText()));
    }

    [Test]
    public void Two_objects_of_the_same_content_are_written_alike()
    {
        var other = ContractJson.Write(Samples.Full<T>());
        Assert.That(ContractJson.Write(Samples.Full<T>()).GetRawText(), Is.EqualTo(other.GetRawText()));
    }

    // Capabilities.MaxInterfaces is the one number whose neutral value isn't zero: every machine has an interface.
    private static bool IsNeutral(object? value) => value switch
    {
        null or false or 0 or 0L => true,
        1 => typeof(T) == typeof(Capabilities),
        Enum e => Convert.ToInt32(e, null) == 0,
        IEnumerable e => !e.Cast<object>().Any(),
        _ => false,
    };

    private static void AddUnknown(JsonNode node)
    {
        switch (node)
        {
            // Only objects of the contract: a map's keys are data.
            case JsonObject o when !o.All(m => m.Key.StartsWith("key-", StringComparison.Ordinal)) || o.Count == 0:
                foreach (var member in o.Select(m => m.Value).OfType<JsonNode>().ToList())
                    AddUnknown(member);
                o["addedLater"] = new JsonObject { ["deep"] = new JsonArray(1, null, "x") };
                break;
            case JsonArray a:
                foreach (var item in a.OfType<JsonNode>())
                    AddUnknown(item);
                break;
        }
    }
}

/// <summary>Distinctions that the ledger's form must not lose.</summary>
public sealed class ContractJsonDetailTests
{
    private static InterfaceSpec Interface(ImmutableArray<IngressRule>? ingress) => new() { Name = "eth0", Network = new Reference { Name = "n" }, Ingress = ingress };

    private static ImmutableArray<IngressRule>? Again(ImmutableArray<IngressRule>? ingress)
    {
        var spec = new InstanceSpec
        {
            Hostname = "web-0",
            Size = new InstanceSize { InstanceType = "datumcloud/d1-standard-2", CpuMillis = 2000, MemoryMiB = 8192 },
            Interfaces = [Interface(ingress)],
        };
        return ContractJson.Read<InstanceSpec>(ContractJson.Write(spec)).Interfaces[0].Ingress;
    }

    [Test]
    public void No_policy_and_a_policy_that_allows_nothing_stay_two_things() =>
        Assert.Multiple(() =>
        {
            Assert.That(Again(null), Is.Null, "nothing is filtered");
            Assert.That(Again([]), Is.Not.Null.And.Empty, "everything is denied");
            Assert.That(Again([new IngressRule { Source = "0.0.0.0/0", Port = 80 }])!.Value.Single().Port, Is.EqualTo(80));
        });

    [Test]
    public void Enums_are_written_as_their_names() =>
        Assert.That(ContractJson.Write(new InstanceFacts { Power = PowerState.Running }).GetProperty("power").GetString(), Is.EqualTo("Running"));

    [Test]
    public void A_derived_member_is_never_read_back() =>
        Assert.That(ContractJson.Read<SubnetSpec>(JsonSerializer.Deserialize<JsonElement>("""{"network":{"name":"n","providerId":"theirs"},"range":"10.0.0.0/24"}""")).Network.ProviderId, Is.Null);

    [Test]
    public void A_type_that_isnt_of_the_contract_is_refused() =>
        Assert.That(() => ContractJson.Write(new Uri("http://localhost")), Throws.ArgumentException);

    [Test]
    public void Every_spec_and_every_facts_type_has_a_fixture_above()
    {
        var types = typeof(Contract).Assembly.GetExportedTypes().Where(t => !t.IsAbstract && (t.IsSubclassOf(typeof(ResourceSpec)) || t.IsSubclassOf(typeof(ResourceFacts))));
        var tested = typeof(ContractJsonTests<>).GetCustomAttributes<TestFixtureAttribute>().SelectMany(a => a.Arguments.Concat(a.TypeArgs)).OfType<Type>();
        Assert.That(types.Except(tested), Is.Empty);
    }
}
