global using System.Collections.Immutable;
global using Datum.Providers.Resources;
global using Datum.Providers.Testing;
