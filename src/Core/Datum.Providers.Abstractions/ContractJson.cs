using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;

namespace Datum.Providers;

/// <summary>Source-generated JSON of specs and facts: camelCase, enums as names, absent members omitted. The ledger's form.</summary>
public static class ContractJson
{
    /// <summary>Metadata of a contract type; throws for a type that isn't of the contract.</summary>
    public static JsonTypeInfo<T> TypeInfo<T>() =>
        (JsonTypeInfo<T>?)ContractJsonContext.Default.GetTypeInfo(typeof(T))
        ?? throw new ArgumentException($"{typeof(T).Name} has no JSON form in the contract.");

    /// <summary>Writes a spec or facts.</summary>
    public static JsonElement Write<T>(T value) => JsonSerializer.SerializeToElement(value, TypeInfo<T>());

    /// <summary>Reads a spec or facts; throws <see cref="JsonException"/> when a required member is missing.</summary>
    public static T Read<T>(JsonElement json) =>
        json.Deserialize(TypeInfo<T>()) ?? throw new JsonException($"{typeof(T).Name} is null.");
}

[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    UseStringEnumConverter = true)]
[JsonSerializable(typeof(NetworkSpec))]
[JsonSerializable(typeof(SubnetSpec))]
[JsonSerializable(typeof(FirewallSpec))]
[JsonSerializable(typeof(AddressSpec))]
[JsonSerializable(typeof(DiskSpec))]
[JsonSerializable(typeof(SecretSpec))]
[JsonSerializable(typeof(InstanceSpec))]
[JsonSerializable(typeof(NetworkFacts))]
[JsonSerializable(typeof(SubnetFacts))]
[JsonSerializable(typeof(FirewallFacts))]
[JsonSerializable(typeof(AddressFacts))]
[JsonSerializable(typeof(DiskFacts))]
[JsonSerializable(typeof(SecretFacts))]
[JsonSerializable(typeof(InstanceFacts))]
[JsonSerializable(typeof(AccountFacts))]
[JsonSerializable(typeof(Capabilities))]
[JsonSerializable(typeof(Handle))]
[JsonSerializable(typeof(Part))]
internal sealed partial class ContractJsonContext : JsonSerializerContext;
