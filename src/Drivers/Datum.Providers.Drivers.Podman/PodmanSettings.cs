using System.Text.Json;

namespace Datum.Providers.Drivers.Podman;

/// <summary>ProviderConfig <c>spec.settings</c>.</summary>
internal sealed record PodmanSettings
{
    public const string Schema = """
        {
          "type": "object",
          "properties": {
            "resourceLimits": { "type": "string", "enum": ["Enforce", "Ignore"], "default": "Enforce",
              "description": "Ignore: sizes and limits aren't set, for machines whose cgroups can't." },
            "healthChecks": { "type": "boolean", "default": true,
              "description": "Run the images' health checks when an instance is observed." }
          }
        }
        """;

    public bool EnforceLimits { get; init; } = true;

    public bool HealthChecks { get; init; } = true;

    /// <summary>Reads settings; throws <see cref="DriverException"/> on a value that the schema doesn't allow.</summary>
    public static PodmanSettings Read(JsonElement json)
    {
        if (json.ValueKind is JsonValueKind.Undefined or JsonValueKind.Null)
            return new PodmanSettings();
        if (json.ValueKind != JsonValueKind.Object)
            throw Wrong("settings", "an object");
        var settings = new PodmanSettings();
        foreach (var property in json.EnumerateObject())
        {
            settings = property.Name switch
            {
                "resourceLimits" => settings with
                {
                    EnforceLimits = property.Value.ValueKind == JsonValueKind.String ? property.Value.GetString() switch
                    {
                        "Enforce" => true,
                        "Ignore" => false,
                        _ => throw Wrong(property.Name, "Enforce or Ignore"),
                    }
                    : throw Wrong(property.Name, "Enforce or Ignore"),
                },
                "healthChecks" => settings with
                {
                    HealthChecks = property.Value.ValueKind switch
                    {
                        JsonValueKind.True => true,
                        JsonValueKind.False => false,
                        _ => throw Wrong(property.Name, "true or false"),
                    },
                },
                _ => throw Wrong(property.Name, "no setting of this driver; there are resourceLimits and healthChecks"),
            };
        }

        return settings;
    }

    private static DriverException Wrong(string field, string expected) => new(new DriverError
    {
        Code = ErrorCode.Invalid,
        Effect = Effect.NotApplied,
        Scope = ErrorScope.Account,
        Field = field,
        Message = $"settings.{field}: expected {expected}.",
    });
}
