using System.Text.Json.Serialization;

namespace Datum.Providers.Kubernetes.Tests;

internal sealed class Widget : KubeObject
{
    public WidgetSpec Spec { get; set; } = new();
    public WidgetStatus? Status { get; set; }

    public static ResourceType<Widget> Type { get; } = TypeOf("widgets");

    /// <summary>The same shape under a plural of its own, so that a test sees nobody else's objects.</summary>
    public static ResourceType<Widget> TypeOf(string plural) => new()
    {
        Group = "tests.example.com",
        Version = "v1",
        Kind = char.ToUpperInvariant(plural[0]) + plural[1..^1],
        Plural = plural,
        Namespaced = true,
        Json = WidgetJson.Default.Widget,
    };

    public static byte[] Crd(string plural) => System.Text.Encoding.UTF8.GetBytes($$$"""
        apiVersion: apiextensions.k8s.io/v1
        kind: CustomResourceDefinition
        metadata:
          name: {{{plural}}}.tests.example.com
        spec:
          group: tests.example.com
          scope: Namespaced
          names: {plural: {{{plural}}}, singular: {{{plural[..^1]}}}, kind: {{{TypeOf(plural).Kind}}} }
          versions:
          - name: v1
            served: true
            storage: true
            subresources: {status: {}}
            schema:
              openAPIV3Schema:
                type: object
                properties:
                  spec:
                    type: object
                    required: [replicas]
                    x-kubernetes-preserve-unknown-fields: true
                    properties:
                      replicas: {type: integer, minimum: 0}
                      note: {type: string}
                  status:
                    type: object
                    properties:
                      ready: {type: integer}
        """);

    public static Widget Named(string ns, string name, int replicas = 0) => new()
    {
        Metadata = new ObjectMeta { Namespace = ns, Name = name },
        Spec = new WidgetSpec { Replicas = replicas },
    };
}

internal sealed class WidgetSpec : KubeData
{
    public int Replicas { get; set; }
    public string? Note { get; set; }
}

internal sealed class WidgetStatus : KubeData
{
    public int Ready { get; set; }
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(Widget))]
internal sealed partial class WidgetJson : JsonSerializerContext
{
}
